"""What was asked for by another release is done by the settings it was asked for with.

Fault: records were read as strictly as the user's file, so that one setting that was removed or
tightened crashed the trainer at every run and order that was in progress.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.records.state import RunState
from tests.compatibility.aged import age, write
from tests.orders import result_of
from tests.training.orders import test_audit, test_evaluation, test_reproduction, test_sweep
from tests.training.run.test_loop import JOB, TRAIN, engine
from tests.training.workspace import SETTINGS, Workspace, after_steps, chats, make_workspace

SAVED = {**SETTINGS, "checkpoint": {"steps": 3}}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", engine())
    made.add_job(JOB, chats(30), chats(24, "held"))
    made.ask_run("r000001", [JOB], settings=SAVED)
    return made


def age_run(workspace: Workspace, **unusable: str) -> None:
    place = workspace.layout.run("r000001")
    for path in (place.request, place.frozen):
        if path.exists():
            age(path, **unusable)


@pytest.mark.parametrize("taken", [0, 7])
def test_a_run_goes_on_after_an_upgrade_to_the_same_bytes(workspace: Workspace, taken: int) -> None:
    """The trainer crashed at the unknown setting, ten times, and the run was given up."""
    if taken:
        workspace.serve(engine(), TRAIN, react=after_steps(taken, say.Stop()))
    age_run(workspace)
    pipe = workspace.serve(engine(), TRAIN)
    begun = next(report for report in pipe.sent if isinstance(report, say.RunBegun))
    assert begun.step_in_run == taken and pipe.kinds()[-1] == "CandidateReady"
    assert not [report for report in pipe.sent if isinstance(report, say.Alerted)]
    workspace.ask_run("r000002", [JOB], settings=SAVED)
    workspace.serve(engine(), say.Train("r000002"))
    for name in (ADAPTER, MOMENTS):
        aged = workspace.layout.run("r000001").candidate / name
        plain = workspace.layout.run("r000002").candidate / name
        assert aged.read_bytes() == plain.read_bytes()


def test_the_settings_that_were_used_lie_in_the_version(workspace: Workspace) -> None:
    age_run(workspace)
    workspace.serve(engine(), TRAIN)
    settings = workspace.read(workspace.layout.run("r000001").draft)["settings"]
    assert settings["schema_version"] == 1 and "teacher" not in settings
    assert settings["training"]["rewarm_steps"] == 200_000
    assert settings["training"]["min_delta"] == 0.01


@pytest.mark.parametrize("taken", [0, 7])
def test_a_run_whose_settings_mean_nothing_here_is_refused_with_the_ways_out(
    workspace: Workspace, taken: int
) -> None:
    """The sentence named no way to keep the steps that were taken, and they were not kept."""
    if taken:
        workspace.serve(engine(), TRAIN, react=after_steps(taken, say.Stop()))
    age_run(workspace, optimizer="sophia")
    pipe = workspace.serve(engine(), TRAIN)
    [refused] = [report for report in pipe.sent if isinstance(report, say.RunRefused)]
    assert refused.code == "settings_unusable"
    assert "training.optimizer = 'sophia'" in refused.message
    assert ("its 7 steps stay on the disk" in refused.message) is bool(taken)
    assert ("control/skip" in refused.message) is bool(taken)
    assert ("start over with today's settings" in refused.message) is (not taken)


def test_a_checkpoint_with_keys_that_are_gone_is_gone_on_from(workspace: Workspace) -> None:
    workspace.serve(engine(), TRAIN, react=after_steps(4, say.Stop()))
    folder = workspace.checkpoint("r000001")
    before = RunState.read(folder, 0)
    record = workspace.read(folder / "state.json")
    record["aside"] = [{"job": JOB, "row": 1, "step": 2, "code": "no_room", "gone": 1}]
    for metrics in record["metrics_tail"]:
        metrics["gone"] = 1
    write(folder / "state.json", record | {"gone": 1})
    after = RunState.read(folder, 0)
    assert after.metrics == before.metrics and [row.id for row in after.skipped] == [(JOB, 1)]


# --- orders -------------------------------------------------------------------------------------


def sweep(root: Path) -> tuple[Workspace, str]:
    made = make_workspace(root, engine())
    made.add_job(test_sweep.JOB, chats(30), chats(24, "held"), state="done")
    return made, test_sweep.ask(made, trials=2)


def evaluation(root: Path) -> tuple[Workspace, str]:
    made = make_workspace(root, engine())
    return made, test_evaluation.ask(made)


def audit(root: Path) -> tuple[Workspace, str]:
    made = make_workspace(root, engine())
    for number, job in ((1, test_audit.FIRST), (2, test_audit.MORE)):
        made.add_job(job, chats(8, job[7:]), chats(9, f"held {job}"))
        made.ask_run(f"r{number:06d}", [job], f"v{number - 1:06d}", step=4 * (number - 1))
        made.serve(engine(), say.Train(f"r{number:06d}"))
        made.seal(f"r{number:06d}", f"v{number:06d}")
    return made, test_audit.order(made)


ORDERS = pytest.mark.parametrize("make", [sweep, evaluation, audit])
Make = Callable[[Path], tuple[Workspace, str]]


def carry_out(workspace: Workspace, order: str) -> dict[str, Any]:
    workspace.serve(engine(), say.CarryOut(order), react=test_sweep.again)
    result: dict[str, Any] | None = result_of(workspace.layout.order(order))
    assert result is not None
    return result


@ORDERS
def test_an_order_that_waited_over_an_upgrade_is_carried_out(make: Make, tmp_path: Path) -> None:
    """It crashed the trainer six times and was parked."""
    workspace, order = make(tmp_path / "w")
    age(workspace.layout.order(order).request)
    assert carry_out(workspace, order)["outcome"] in ("finished", "no_difference", "better")


@ORDERS
def test_an_order_whose_settings_mean_nothing_here_ends_with_their_names(
    make: Make, tmp_path: Path
) -> None:
    workspace, order = make(tmp_path / "w")
    age(workspace.layout.order(order).request, optimizer="sophia")
    carry_out(workspace, order)
    folder = workspace.layout.order(order).folder
    told = [path.read_text() for path in folder.rglob("*") if path.suffix in (".json", ".md")]
    assert any("training.optimizer = 'sophia'" in text for text in told)


# --- versions -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("aged") / "w"
    made = test_reproduction.train(root, engine, (test_reproduction.FIRST,))
    for name in ("run.json", "manifest.json"):
        age(made.layout.version("v000001") / name)
    (made.layout.version("v000001") / "manifest.sha256").unlink()
    return made


def test_a_version_of_another_release_comes_out_bit_for_bit(trained: Workspace) -> None:
    """The order crashed the trainer: old versions could not be made again after an upgrade."""
    result = test_reproduction.do(trained, test_reproduction.order(trained, "v000001"))
    assert result["outcome"] == "identical", result
    misfits = {one["setting"]: one["why"] for one in result["found"]["settings"]}
    assert misfits["training.max_grad_norm"] == misfits["teacher"] == "unknown"
    assert misfits["training.rewarm_steps"] == "out_of_range"
    assert misfits["training.min_delta"] == "missing"
    report = trained.layout.reproduction(result["order"]).report.read_text()
    assert "| training.max_grad_norm | `1.0` | `null` |" in report


def test_a_frozen_run_that_cannot_be_read_makes_a_reproduction_impossible_in_words(
    trained: Workspace,
) -> None:
    """A `run.json` of another form crashed the trainer at each start."""
    name = test_reproduction.order(trained, "v000001")
    frozen = trained.layout.reproduction(name).run.frozen
    record = json.loads(frozen.read_bytes())
    del record["steps"]
    write(frozen, record)
    result = test_reproduction.do(trained, name)
    assert result["outcome"] == "impossible" and "its run.json cannot be read" in result["message"]


def test_a_setting_that_means_nothing_here_makes_it_impossible_in_words(trained: Workspace) -> None:
    name = test_reproduction.order(trained, "v000001")
    age(trained.layout.reproduction(name).run.frozen, optimizer="sophia")
    result = test_reproduction.do(trained, name)
    assert result["outcome"] == "impossible" and "optimizer = 'sophia'" in result["message"]
