"""Whoever loads a model holds it to the memory that was planned for it, in whichever process.

The engine and its limits are real; between two processes the limit is as MLX has it at a start.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

# Optuna keeps the frames of whoever imports it first: an engine must not be among them.
import daemon.training.orders.sweep  # noqa: F401
from daemon.core import messages as say
from daemon.core.records import from_json_value
from daemon.core.training.memory_plan import MemoryPlan
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.runs import runs
from daemon.model import machine
from daemon.model.backend import mx
from daemon.training.engine.mlx import MlxEngine
from daemon.training.engine.protocol import StepShape
from tests.training.orders import test_audit, test_evaluation, test_reproduction, test_sweep
from tests.training.rehearsed import JOB, LONG, TRAIN
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import Workspace, after_steps, chats, make_workspace

UNLIMITED = 2**50


class Process(TinyEngine):
    """A trainer's engine as it starts; notes the limit that holds after each load."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[int] = []
        mx.set_memory_limit(UNLIMITED)

    def load(self, *words: Any) -> bool:
        carried = super().load(*words)
        self.limits.append(mx.get_memory_limit())
        return carried


@pytest.fixture(autouse=True)
def _limits_end_with_the_test() -> Iterator[None]:
    before, cache = mx.get_memory_limit(), mx.set_cache_limit(0)
    mx.set_cache_limit(cache)
    yield
    mx.set_memory_limit(before)
    mx.set_cache_limit(cache)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    made.ask_run("r000001", [JOB], settings=LONG)
    made.serve(Process(), TRAIN, react=after_steps(5, say.Abandon()))
    return made


def planned(workspace: Workspace) -> int:
    """Return the limit that the frozen choices of the run ask for here."""
    record = workspace.read(workspace.layout.run("r000001").frozen)["memory"]
    plan = from_json_value(record, MemoryPlan)
    assert plan is not None
    return machine.limits_for(plan.need, machine.memory()).memory


def test_a_process_that_goes_on_with_a_run_has_its_limits(workspace: Workspace) -> None:
    """Limits were set by the estimate, which is made only where the choices are."""
    process = Process()
    workspace.serve(process, TRAIN)
    assert process.limits == [planned(workspace)]


def test_a_run_that_falls_back_may_take_less_than_before(workspace: Workspace) -> None:
    """The attempt after an out of memory had no limit at all, and all lanes."""
    process = Process()
    workspace.serve(process, say.Train("r000001", "memory"))
    assert len(process.limits) == 1 and process.limits[0] < planned(workspace)


def test_a_run_from_before_there_was_a_plan_opens_and_gets_one(workspace: Workspace) -> None:
    frozen = workspace.layout.run("r000001").frozen
    limit, record = planned(workspace), workspace.read(frozen)
    del record["memory"], record[runs.CHECKSUM]
    frozen.write_text(json.dumps(record))
    process = Process()
    pipe = workspace.serve(process, TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady" and process.limits == [limit]


def test_a_smaller_pass_is_not_computed_oftener_at_once(workspace: Workspace) -> None:
    """What a rung takes less, more lanes would take again."""
    frozen = workspace.layout.run("r000001").frozen
    record = workspace.read(frozen)
    del record[runs.CHECKSUM]
    record["memory"]["passes"] = 1
    frozen.write_text(json.dumps(record))
    one_pass = machine.limits_for(_one(record), machine.memory()).memory
    process = Process()
    workspace.serve(process, say.Train("r000001", "memory"))
    assert process.limits[0] < one_pass


def _one(record: dict[str, Any]) -> Any:
    plan = from_json_value(record["memory"], MemoryPlan)
    assert plan is not None
    return plan.one_pass


def test_to_estimate_changes_nothing(workspace: Workspace) -> None:
    """It set the limits of a shape that was only asked about."""
    engine, base = Process(), workspace.layout.base(workspace.facts.name)
    step_shape = StepShape(256, 256, False, "adamw")
    found = engine.estimate(base, AdapterSpec("lora", 2, 1.0, 0.0, 2, ()), step_shape)
    assert found is not None and mx.get_memory_limit() == UNLIMITED
    assert asdict(found[0]) == asdict(MemoryPlan.fit(*found, most=1).need)


def test_to_measure_leaves_nothing_that_looks_as_if_it_could_be_trained(
    workspace: Workspace,
) -> None:
    """The adapter was taken off under a stepper that stayed: a step would have trained nothing."""
    engine, base = Process(), workspace.layout.base(workspace.facts.name)
    workspace.serve(engine, TRAIN)
    MlxEngine.best_row_tokens(engine, base)
    with pytest.raises(AssertionError, match="load comes first"):
        engine.step((), 1e-3, 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("limits") / "w"
    jobs = (test_audit.FIRST, test_audit.MORE)
    made = test_reproduction.train(root, TinyEngine, jobs)
    running, done = (made.layout.job(state, test_sweep.JOB) for state in ("running", "done"))
    done.folder.parent.mkdir(exist_ok=True)
    running.folder.rename(done.folder)
    return made


@pytest.mark.parametrize(
    "ask",
    [
        lambda workspace: test_reproduction.order(workspace, "v000001"),
        test_audit.order,
        test_evaluation.ask,
        lambda workspace: test_sweep.ask(workspace, trials=1),
    ],
    ids=["reproduction", "audit", "evaluation", "sweep"],
)
def test_an_order_loads_its_models_within_limits(
    trained: Workspace, ask: Callable[[Workspace], str]
) -> None:
    """Reproductions, audits and evaluations had none, or those of the run before them."""
    process = Process()
    trained.serve(process, say.CarryOut(ask(trained)))
    assert process.limits and max(process.limits) < machine.memory().usable
