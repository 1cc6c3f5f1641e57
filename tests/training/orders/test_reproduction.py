"""A version is trained again: on the CPU it comes out the same, and what is otherwise is told."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.reproduction import ReproductionRequest
from daemon.core.messages import Report
from daemon.core.workspace.orders import REPRODUCTION, Header
from daemon.folders.models.models import Models
from daemon.folders.orders import orders, reproductions
from daemon.layout import OrderLayout
from daemon.training.engine.protocol import ADAPTER, MOMENTS, EncodedPass, Engine, StepResult
from daemon.training.engine.stub import RehearsalEngine
from tests.orders import result_of
from tests.training.rehearsed import LONG, Jumping
from tests.training.run.test_early_stopping import BEST, Overfitting, patient
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import (
    SETTINGS,
    React,
    ScriptedPipe,
    Workspace,
    chats,
    make_workspace,
)

FIRST, MORE, LAST = "000001-sums", "000002-more", "000003-last"


def engine() -> RehearsalEngine:
    return RehearsalEngine(SystemClock(), 0.0)


def train(root: Path, make: Callable[[], Engine], jobs: Sequence[str]) -> Workspace:
    """Train a version of each job, on the one before: replay, dropout, packed rows."""
    made = make_workspace(root, make())
    training = {**SETTINGS["training"], "dropout": 0.1, "num_layers": 1, "row_tokens": 128}
    settings = {**SETTINGS, "training": training, "replay": {"share": 0.3}}
    settings |= {"checkpoint": {"steps": 2}}
    settings |= {"evaluation": {"eval_every": 4, "samples": 0, "judge_samples": 0}}
    for number, job in enumerate(jobs, 1):
        made.add_job(job, chats(8, job[7:]), chats(4, f"held {job}"))
        start = f"v{number - 1:06d}"
        step = made.read(made.layout.version(start) / "manifest.json")["step"]
        run = f"r{number:06d}"
        made.ask_run(
            run,
            [job],
            start,
            step,
            settings=settings,
            lineage_jobs=list(jobs[: number - 1]),
            holdout_jobs=list(jobs[: number - 1]),
        )
        assert made.serve(make(), say.Train(run)).kinds()[-1] == "CandidateReady"
        made.seal(run, f"v{number:06d}")
    return made


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return train(tmp_path_factory.mktemp("again") / "w", engine, (FIRST, MORE, LAST))


@pytest.fixture
def workspace(trained: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it, for a test to spoil."""
    shutil.copytree(trained.layout.root, tmp_path / "w")
    return Workspace(type(trained.layout)(tmp_path / "w"), trained.facts)


def order(workspace: Workspace, version: str) -> str:
    folder = workspace.layout.version(version)
    settings = workspace.read(folder / "manifest.json")["settings"]

    def fill(built: OrderLayout, name: str) -> None:
        request = ReproductionRequest(name, version, settings)
        reproductions.fill(built, folder, request)

    return orders.create(workspace.layout, REPRODUCTION, Header("", "", version), fill)


def do(workspace: Workspace, name: str, other: Engine | None = None) -> dict[str, Any]:
    pipe = workspace.serve(other or engine(), say.CarryOut(name))
    assert pipe.kinds()[-1] == "OrderEnded"
    result: dict[str, Any] | None = result_of(workspace.layout.order(name))
    assert result is not None and workspace.layout.order(name).report.exists()
    return result


def listing(workspace: Workspace) -> dict[str, bytes]:
    root = workspace.layout.root
    kept = (root / "queue", workspace.layout.versions)
    return {
        str(path): path.read_bytes()
        for folder in kept
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("version", ["v000001", "v000002", "v000003"])
@pytest.mark.cpu_bits
def test_a_version_comes_out_bit_for_bit(trained: Workspace, version: str) -> None:
    before = listing(trained)
    result = do(trained, order(trained, version))
    assert result["outcome"] == "identical", result
    steps = result["found"]["steps"]
    assert steps["equal"] == steps["then"] > 2 and result["found"]["files"]["moments"]
    assert result["found"]["changes"] == []
    assert listing(trained) == before, "queue and versions are not touched"


def leave_at(step: int) -> React:
    def react(report: Report) -> Sequence[say.Order]:
        stepped = isinstance(report, say.UnitStepped) and report.step == step
        return [say.Stop()] if stepped else []

    return react


@pytest.mark.cpu_bits
def test_mlx_on_the_cpu_trains_a_version_again_bit_for_bit_over_a_stop(tmp_path: Path) -> None:
    """With moments carried on, replayed rows, dropout, packed rows and evaluations in between."""
    made = train(tmp_path / "w", TinyEngine, (FIRST, MORE))
    name = order(made, "v000002")
    made.serve(TinyEngine(), say.CarryOut(name), react=leave_at(3))
    assert result_of(made.layout.order(name)) is None
    pipe = made.serve(TinyEngine(), say.CarryOut(name))
    assert min(r.step for r in pipe.sent if isinstance(r, say.UnitStepped)) == 4
    result = result_of(made.layout.order(name))
    assert result is not None and result["outcome"] == "identical", result


@pytest.mark.cpu_bits
def test_a_run_that_stopped_early_is_trained_again_to_its_best_step(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "w", Overfitting())
    made.add_job(FIRST, chats(30), chats(24, "held"))
    made.ask_run("r000001", [FIRST], settings=patient())
    made.serve(Overfitting(), say.Train("r000001"))
    made.seal("r000001", "v000001")
    found = do(made, order(made, "v000001"), Overfitting())
    assert found["outcome"] == "identical", found
    assert found["found"]["steps"]["now"] == BEST


@pytest.mark.cpu_bits
def test_a_run_whose_loss_jumped_is_trained_again_with_the_rates_it_came_through_by(
    tmp_path: Path,
) -> None:
    """Its ladder is in the version; the way that was gone back from is not gone again."""
    made = make_workspace(tmp_path / "w", Jumping())
    made.add_job(FIRST, chats(30), chats(24, "held"))
    made.ask_run("r000001", [FIRST], settings=LONG)
    made.serve(Jumping(), say.Train("r000001"))
    made.seal("r000001", "v000001")
    assert (made.layout.version("v000001") / "ladder.json").exists()
    found = do(made, order(made, "v000001"), Jumping())
    assert found["outcome"] == "identical", found
    assert found["found"]["steps"]["now"] == 40


def test_a_version_whose_weights_were_pruned_is_compared_by_its_checksums(
    workspace: Workspace,
) -> None:
    Models(workspace.layout).prune("v000003", moments_only=False)
    assert not (workspace.layout.version("v000003") / ADAPTER).exists()
    assert do(workspace, order(workspace, "v000003"))["outcome"] == "identical"


def spoil_rows(workspace: Workspace) -> str:
    rows = workspace.layout.job("running", LAST).train
    rows.write_text(rows.read_text().replace("last 3", "lost 3"))
    return "the rows of 000003-last have changed since the run"


def remove_replayed(workspace: Workspace) -> str:
    workspace.layout.job("running", FIRST).train.unlink()
    return "the rows of 000001-sums were removed"


def prune_moments(workspace: Workspace) -> str:
    (workspace.layout.version("v000002") / MOMENTS).unlink()
    return "the optimizer's moments of v000002"


def prune_parent(workspace: Workspace) -> str:
    (workspace.layout.version("v000002") / ADAPTER).unlink()
    return "the weights of v000002, where it started, were removed"


def change_base(workspace: Workspace) -> str:
    facts = workspace.layout.base_facts(workspace.facts.name)
    facts.write_text(facts.read_text().replace(workspace.facts.fingerprint, "0" * 64))
    return "is missing or has changed since the run"


@pytest.mark.parametrize(
    "spoil", [spoil_rows, remove_replayed, prune_moments, prune_parent, change_base]
)
def test_what_is_not_there_any_more_is_told_before_anything_is_trained(
    workspace: Workspace, spoil: Any
) -> None:
    told = spoil(workspace)
    name = order(workspace, "v000003")
    pipe = workspace.serve(engine(), say.CarryOut(name))
    assert "UnitStepped" not in pipe.kinds()
    result: dict[str, Any] | None = result_of(workspace.layout.order(name))
    assert result is not None and result["outcome"] == "impossible"
    assert told in result["message"]


def test_moments_are_taken_from_the_backup_where_the_version_has_them_no_more(
    workspace: Workspace,
) -> None:
    parent = workspace.layout.version("v000002")
    shutil.copytree(parent, workspace.layout.backups / "v000002")
    (parent / MOMENTS).unlink()
    assert do(workspace, order(workspace, "v000003"))["outcome"] == "identical"


class Coarse(RehearsalEngine):
    """Another arithmetic: every step goes a little further."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        return super().step(passes, learning_rate * 1.001, seed)


def test_another_outcome_tells_the_greatest_difference_and_what_has_changed(
    workspace: Workspace,
) -> None:
    manifest = workspace.layout.version("v000003") / "manifest.json"
    record = json.loads(manifest.read_bytes())
    record["libraries"]["mlx"] = "0.0.1"
    manifest.write_text(json.dumps(record))
    manifest.with_name("manifest.sha256").unlink()
    result = do(workspace, order(workspace, "v000003"), Coarse(SystemClock(), 0.0))
    assert result["outcome"] == "different"
    found = result["found"]
    assert found["files"]["weight_gap"] > 0 and found["steps"]["loss_gap"] > 0
    assert list(found["steps"]["first_other"]["figures"]) == ["update_norm"]
    assert [change["what"] for change in found["changes"]] == ["mlx"]
    assert "mlx 0.0.1 →" in result["message"]
    report = workspace.layout.reproduction(result["order"]).report.read_text()
    assert "| mlx | 0.0.1 |" in report


def test_a_skip_ends_it(workspace: Workspace) -> None:
    name = order(workspace, "v000001")
    orders.Orders(workspace.layout).skip(name)
    assert do(workspace, name)["outcome"] == "skipped"


def test_nothing_of_it_is_told_as_a_run(trained: Workspace) -> None:
    pipe: ScriptedPipe = trained.serve(engine(), say.CarryOut(order(trained, "v000001")))
    kinds = set(pipe.kinds())
    assert kinds <= {"Ready", "UnitBegun", "UnitStepped", "OrderEnded", "Noted"}


def test_a_run_that_kills_its_trainer_again_and_again_is_given_up(workspace: Workspace) -> None:
    name = order(workspace, "v000001")
    for _ in range(3):
        orders.begin_unit(workspace.layout.order(name), 1)
    result = do(workspace, name)
    assert result["outcome"] == "failed"
    assert result["message"] == "v000001 cannot be trained again: the trainer died 3 times on it"
