"""A run that learns nothing more ends at its best step, whatever interrupted it on the way."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.messages import Report
from daemon.settings import Settings
from daemon.text.encoder import Encoded
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.engine.stub import RehearsalEngine
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    after_steps,
    chats,
    losses_of,
    make_workspace,
)

JOB = "000001-sums"
RISES_AFTER = 13
BEST, STOP, STEPS = 12, 20, 40
"""Measured after each fourth step from the end of the first epoch (step 8) on; patience 8."""


class Overfitting(RehearsalEngine):
    """Its losses rise from a step on."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        late = max(0, int(self._moments["step"][0]) - RISES_AFTER)
        return [(total + 0.1 * late * count, count) for total, count in super().losses(rows)]


def patient(patience: int = 8, **evaluation: Any) -> dict[str, Any]:
    return {
        "training": {**SETTINGS["training"], "epochs": 5, "patience_steps": patience},
        "evaluation": {**SETTINGS["evaluation"], **evaluation},
        "checkpoint": {"steps": 3, "keep": 1},
    }


WHOLE = "r000001"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, ScriptedPipe]:
    """A workspace in which the run WHOLE was left alone, and what it said."""
    made = make_workspace(tmp_path_factory.mktemp("stopping") / "w", Overfitting())
    made.add_job(JOB, chats(30), chats(24, "held"))
    made.ask_run(WHOLE, [JOB], settings=patient())
    return made, train(made, WHOLE)


@pytest.fixture
def workspace(undisturbed: tuple[Workspace, ScriptedPipe]) -> Workspace:
    return undisturbed[0]


def train(workspace: Workspace, run: str, **how: Any) -> ScriptedPipe:
    return workspace.serve(Overfitting(), say.Train(run), **how)


def ask(workspace: Workspace, settings: dict[str, Any], job: str = JOB) -> str:
    """Ask for one more run, and return its name."""
    run = f"r{len(list(workspace.layout.runs.glob('r*'))) + 1:06d}"
    workspace.ask_run(run, [job], settings=settings)
    return run


def notes(pipe: ScriptedPipe, code: str = "stopped_early") -> list[str]:
    found = [r for r in pipe.sent if isinstance(r, say.Noted)]
    return [note.message for note in found if note.code == code]


def result(workspace: Workspace, run: str) -> list[bytes]:
    """Return the bits of a candidate, and what its draft says of the end."""
    place = workspace.layout.run(run)
    draft = workspace.read(place.draft)
    told = [draft[key] for key in ("stopped_early", "step_in_run", "rows_by_job", "replay")]
    bits = [(place.candidate / name).read_bytes() for name in (ADAPTER, MOMENTS)]
    return [*bits, json.dumps(told).encode()]


def test_a_run_stops_when_its_patience_is_spent_and_ends_as_it_was_at_its_best_step(
    undisturbed: tuple[Workspace, ScriptedPipe],
) -> None:
    workspace, pipe = undisturbed
    assert pipe.kinds()[-1] == "CandidateReady"
    assert max(losses_of(pipe)) == STOP
    assert len(notes(pipe)) == 1 and f"of its step {BEST}" in notes(pipe)[0]
    draft = workspace.read(workspace.layout.run(WHOLE).draft)
    stopped = draft["stopped_early"]
    assert (stopped["best_step"], stopped["at_step"], stopped["patience_steps"]) == (BEST, STOP, 8)
    assert [step for step, _ in stopped["later"]] == [16, 20]
    assert all(loss > stopped["best_loss"] for _, loss in stopped["later"])
    assert (draft["step"], draft["step_in_run"], draft["epochs"]) == (BEST, BEST, 5)
    # Every row counts once at least, and what is written of the steps ends with them.
    candidate = workspace.layout.run(WHOLE).candidate
    steps = workspace.read(candidate / "training_metrics.json")["steps"]
    assert [line["step"] for line in steps] == list(range(1, BEST + 1))
    assert {row for line in steps for row in line["trained"][JOB]} == set(range(30))
    begun = [r for r in pipe.sent if isinstance(r, say.RunBegun)]
    assert [(r.step, r.total_steps) for r in begun] == [(0, STEPS), (BEST, BEST)]


def test_it_is_the_state_of_a_run_that_was_left_alone_at_that_step(workspace: Workspace) -> None:
    run = ask(workspace, patient(0))
    pipe = train(workspace, run, react=after_steps(BEST, say.Stop()))
    assert max(losses_of(pipe)) == BEST
    for name in (ADAPTER, MOMENTS):
        whole = workspace.layout.run(WHOLE).candidate / name
        assert whole.read_bytes() == (workspace.checkpoint(run) / name).read_bytes()


@pytest.mark.parametrize(
    ("steps", "order"),
    [
        (5, say.Abandon()),
        (8, say.Stop()),
        (BEST, say.Abandon()),
        (BEST, say.Stop()),
        (BEST + 1, say.Abandon()),
        (STOP - 1, say.Stop()),
        (STOP, say.Abandon()),
        (STOP, say.Stop()),
    ],
)
def test_a_kill_or_a_stop_before_or_after_the_best_step_changes_no_bit(
    workspace: Workspace, steps: int, order: say.Order
) -> None:
    """At 8, 12 and 20 it comes between a step and its evaluation (faults T9, C8)."""
    run = ask(workspace, patient())
    cut = train(workspace, run, react=after_steps(steps, order))
    assert max(losses_of(cut)) == steps
    resumed = train(workspace, run)
    assert resumed.kinds()[-1] == "CandidateReady" and len(notes(resumed)) == 1
    assert result(workspace, WHOLE) == result(workspace, run)


def on_stop(report: Report) -> Sequence[say.Order]:
    told = isinstance(report, say.Noted) and report.code == "stopped_early"
    return [say.Abandon()] if told else []


@pytest.mark.parametrize("lost", [False, True])
def test_a_kill_when_the_end_was_just_decided_changes_no_bit(
    workspace: Workspace, lost: bool
) -> None:
    """Also where the best step's checkpoint is gone: its steps are taken again (faults T5, T9)."""
    run = ask(workspace, patient())
    assert train(workspace, run, react=on_stop).kinds()[-1] == "Abandoned"
    best = workspace.layout.run(run).checkpoints / f"c{BEST:08d}"
    assert best.exists(), "the best step's checkpoint stays though only the last one is kept"
    if lost:
        (best / MOMENTS).write_bytes(b"x")
    resumed = train(workspace, run)
    assert not notes(resumed)
    assert max(losses_of(resumed), default=0) == (BEST if lost else 0)
    assert result(workspace, WHOLE) == result(workspace, run)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_budget_of_evaluations_does_not_decide_where_a_run_ends(
    workspace: Workspace, share: float
) -> None:
    run = ask(workspace, patient(budget_share=share))
    train(workspace, run)
    assert result(workspace, WHOLE) == result(workspace, run)


def test_without_patience_a_run_takes_all_its_steps(workspace: Workspace) -> None:
    run = ask(workspace, patient(0))
    assert max(losses_of(train(workspace, run))) == STEPS
    assert workspace.read(workspace.layout.run(run).draft)["stopped_early"] is None


def test_a_file_without_tune_rows_is_trained_to_its_end_and_that_is_said_once(
    workspace: Workspace,
) -> None:
    workspace.add_job("000002-few", chats(30, "few"), chats(1, "one"))
    run = ask(workspace, patient(), "000002-few")
    first = train(workspace, run, react=after_steps(25, say.Stop()))
    second = train(workspace, run)
    assert [len(notes(pipe, "no_early_stop")) for pipe in (first, second)] == [1, 0]
    assert max(losses_of(second)) == STEPS


def test_patience_without_evaluations_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"eval_every"):
        Settings.model_validate(patient(eval_every=0))
