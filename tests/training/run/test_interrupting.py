"""Orders that come in the middle of a step, between two of its passes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.messages import Order
from daemon.evaluation.scoring import Interrupted
from daemon.folders.runs import runs
from daemon.model.parallel import ParallelPasses
from daemon.training.context import TrainerContext
from daemon.training.engine.partial_gradient import PartialGradient
from daemon.training.engine.protocol import ADAPTER, MOMENTS, EncodedPass, StepResult, never
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.worker import Trainer
from tests.model.free_cores import Free
from tests.training.engine.test_step import passes, stepper, texts
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    chats,
    losses_of,
    make_workspace,
    silent,
)

JOB, RUN = "000001-sums", "r000001"
TRAIN = say.Train(RUN)
SMALL: dict[str, Any] = {
    **SETTINGS,
    "training": {**SETTINGS["training"], "row_tokens": 32, "pass_tokens": 32},
}


class PassClock(SystemClock):
    """A clock by which a rehearsed pass takes no time, and after one of them orders come."""

    def __init__(self, at: int, orders: Sequence[Order]) -> None:
        self.passes = 0
        self.pipe: ScriptedPipe | None = None
        self._at = at
        self._orders = orders

    def sleep_s(self, seconds: float) -> None:
        self.passes += 1
        if self.passes == self._at and self.pipe is not None:
            for order in self._orders:
                self.pipe.order(order)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", RehearsalEngine(SystemClock(), 0.0))
    made.add_job(JOB, chats(30), chats(6, "held"))
    made.ask_run(RUN, [JOB], settings=SMALL)
    return made


def serve(workspace: Workspace, clock: PassClock, react: Any = silent) -> ScriptedPipe:
    pipe = clock.pipe = ScriptedPipe([TRAIN], react)
    engine = RehearsalEngine(clock, 1.0)
    Trainer(TrainerContext(workspace.layout, engine, pipe, SystemClock(), lambda: True), 1).serve()
    return pipe


def outcome(workspace: Workspace) -> list[bytes]:
    return [
        (workspace.layout.run(RUN).candidate / name).read_bytes() for name in (ADAPTER, MOMENTS)
    ]


@pytest.fixture
def undisturbed(tmp_path: Path) -> tuple[list[bytes], dict[int, Any], int]:
    """Return what the run comes to if it is left alone, its losses and its passes."""
    made = make_workspace(tmp_path / "alone", RehearsalEngine(SystemClock(), 0.0))
    made.add_job(JOB, chats(30), chats(6, "held"))
    made.ask_run(RUN, [JOB], settings=SMALL)
    clock = PassClock(0, ())
    pipe = serve(made, clock)
    return outcome(made), dict(losses_of(pipe)), clock.passes


def test_a_stop_in_the_middle_of_a_step_is_obeyed_at_the_next_pass_and_loses_none(
    workspace: Workspace, undisturbed: tuple[list[bytes], dict[int, Any], int]
) -> None:
    """Orders were looked at between steps only: a step of a minute ended with SIGKILL."""
    expected, losses, count = undisturbed
    first = PassClock(10, [say.Stop()])
    pipe = serve(workspace, first)
    assert first.passes == 10 and len(losses_of(pipe)) == 2
    assert pipe.kinds()[-1] == "Committed"
    second = PassClock(0, ())
    rest = serve(workspace, second)
    assert outcome(workspace) == expected
    assert {**losses_of(pipe), **losses_of(rest)} == losses
    assert first.passes + second.passes == count
    assert not workspace.layout.run(RUN).part.exists()


def test_a_pause_in_the_middle_of_a_step_commits_and_the_step_goes_on_behind_its_last_pass(
    workspace: Workspace, undisturbed: tuple[list[bytes], dict[int, Any], int]
) -> None:
    """A pause waited until a step of a minute was over."""
    expected, losses, count = undisturbed

    def react(report: say.Report) -> Sequence[Order]:
        return [say.Resume()] if isinstance(report, say.Paused) else ()

    clock = PassClock(10, [say.Pause()])
    pipe = serve(workspace, clock, react)
    place = pipe.kinds().index("Paused")
    assert pipe.kinds()[place - 1 : place + 2] == ["Committed", "Paused", "Stepped"]
    assert pipe.kinds()[:place].count("Stepped") == 2
    assert outcome(workspace) == expected and losses_of(pipe) == losses and clock.passes == count


def test_a_skip_in_the_middle_of_a_step_leaves_the_run_at_once_without_a_commit(
    workspace: Workspace,
) -> None:
    """A skip waited until a step of a minute was over."""
    clock = PassClock(10, [say.Abandon()])
    pipe = serve(workspace, clock)
    assert clock.passes == 10
    assert "Committed" not in pipe.kinds() and pipe.kinds()[-1] == "Abandoned"


def test_wishes_wait_for_the_end_of_the_step(workspace: Workspace) -> None:
    clock = PassClock(10, [say.Checkpoint()])
    pipe = serve(workspace, clock)
    committed = next(r for r in pipe.sent if isinstance(r, say.Committed))
    assert committed.step_in_run == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda part: (part / "behind").write_text("1\n"),
        lambda part: (part / "part.json").write_text("[1, 2"),
        lambda part: (part / runs.MANIFEST).unlink(),
    ],
    ids=["of another commit", "damaged", "without its manifest"],
)
def test_passes_that_are_damaged_or_of_another_commit_are_computed_again(
    workspace: Workspace,
    undisturbed: tuple[list[bytes], dict[int, Any], int],
    spoil: Callable[[Path], Any],
) -> None:
    expected, _, count = undisturbed
    first = PassClock(10, [say.Stop()])
    serve(workspace, first)
    spoil(workspace.layout.run(RUN).part)
    second = PassClock(0, ())
    serve(workspace, second)
    assert outcome(workspace) == expected
    assert first.passes + second.passes > count


def test_a_step_longer_than_a_stop_may_take_is_committed_at_once(workspace: Workspace) -> None:
    """A trainer that is ended in the middle of a pass lost all steps since the last commit."""
    settings = {**SMALL, "trainer": {"stop_s": 1e-6}}
    workspace.ask_run("r000002", [JOB], settings=settings)
    pipe = workspace.serve(RehearsalEngine(SystemClock(), 0.0), say.Train("r000002"))
    steps = [r.metrics.step_in_run for r in pipe.sent if isinstance(r, say.Stepped)]
    assert steps and [r.step_in_run for r in pipe.sent if isinstance(r, say.Committed)] == steps


# --- the real step -------------------------------------------------------------------------------


def after(count: int) -> Callable[[], bool]:
    """Return an order that comes after so many passes."""
    asked = iter(range(1, 1000))
    return lambda: next(asked) == count


def weights(made: Any) -> dict[str, Any]:
    found = {name: np.array(array) for name, array in _flat(made._model.trainable_parameters())}
    state = {f"state {name}": np.array(array) for name, array in _flat(made.optimizer.state)}
    return found | state


def _flat(tree: Any) -> Any:
    from mlx.utils import tree_flatten

    return tree_flatten(tree)


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_step_that_was_left_changes_nothing_and_goes_on_to_the_same_bits(
    parallel: int, tmp_path: Path
) -> None:
    whole, left, other = (
        stepper(parallel=ParallelPasses(parallel, Free(parallel)), optimizer="adamw")
        for _ in range(3)
    )
    laid = passes(whole, texts())
    assert len(laid) == 3
    expected = whole.step(laid, 1e-2, 5)
    before = {name: array for name, array in weights(left).items() if "state" not in name}
    assert left.step(laid, 1e-2, 5, after(2)).interrupted
    assert all(np.array_equal(weights(left)[name], before[name]) for name in before)
    assert left.gathered is not None and left.gathered.passes == 2
    left.gathered.save(tmp_path)
    assert left.step(laid, 1e-2, 5) == expected and same(weights(left), weights(whole))
    other.gathered = PartialGradient.read(tmp_path)
    assert other.step(laid, 1e-2, 5) == expected and same(weights(other), weights(whole))


def test_the_passes_of_another_step_are_not_taken_for_those_of_this_one() -> None:
    whole, left = stepper(), stepper()
    laid = passes(whole, texts())
    expected = whole.step(laid, 1e-2, 6)
    left.step(laid, 1e-2, 5, after(2))
    assert left.step(laid, 1e-2, 6) == expected and same(weights(left), weights(whole))
    assert left.gathered is None


def test_the_real_engine_keeps_the_passes_over_a_restart(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    made.ask_run(RUN, [JOB], settings=SMALL)
    made.ask_run("r000002", [JOB], settings=SMALL)
    whole = losses_of(made.serve(TinyEngine(), TRAIN))
    pipe = ScriptedPipe([say.Train("r000002")], silent)
    trainer = TrainerContext(made.layout, Impatient(pipe), pipe, SystemClock(), lambda: True)
    Trainer(trainer, 1).serve()
    first = losses_of(pipe)
    assert made.layout.run("r000002").part.is_dir() and len(first) < len(whole)
    rest = losses_of(made.serve(TinyEngine(), say.Train("r000002")))
    assert {**first, **rest} == whole
    candidates = [made.layout.run(run).candidate / ADAPTER for run in (RUN, "r000002")]
    assert candidates[0].read_bytes() == candidates[1].read_bytes()


class Impatient(TinyEngine):
    """Is told to stop behind the first pass of its third step."""

    def __init__(self, pipe: ScriptedPipe) -> None:
        super().__init__()
        self._pipe = pipe
        self._steps = 0

    def step(
        self,
        passes: Sequence[EncodedPass],
        learning_rate: float,
        seed: int,
        interrupted: Interrupted = never,
        /,
    ) -> StepResult:
        self._steps += 1

        def asked() -> bool:
            if self._steps == 3:
                self._pipe.order(say.Stop())
            return interrupted()

        return super().step(passes, learning_rate, seed, asked)
