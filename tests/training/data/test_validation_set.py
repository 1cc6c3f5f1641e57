"""The rows of the validation loss: chosen when a run is frozen, measured all or not at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.evaluation.scoring import CHUNK
from daemon.text.encoder import Encoded
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import EncodedPass, StepResult
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.worker import Trainer
from tests.clocks import StillClock
from tests.training.rehearsed import JOB, with_job
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    after_steps,
)

RUN = "r000001"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return with_job(tmp_path / "w", 40, held=60)


def ask(workspace: Workspace, training: dict[str, Any], **evaluation: Any) -> None:
    asked = {"eval_every": 4, "samples": 0, "judge_samples": 0, **evaluation}
    settings = {"training": {**SETTINGS["training"], **training}, "evaluation": asked}
    workspace.ask_run(RUN, [JOB], settings=settings)


def chosen(workspace: Workspace) -> list[Any]:
    stop = after_steps(1, say.Abandon())
    workspace.serve(RehearsalEngine(SystemClock(), 0.0), say.Train(RUN), react=stop)
    found: list[Any] = workspace.read(workspace.layout.run(RUN).frozen)["tune"]
    return found


@pytest.mark.parametrize(
    ("training", "evaluation", "least", "most"),
    [
        ({}, {"budget_share": 0.0}, CHUNK, CHUNK),
        # Half of 0.5 of the time of 16 trained rows is that of 8 scored ones.
        ({}, {"budget_share": 0.5}, 6, 10),
        ({}, {"budget_share": 1.0, "eval_every": 20}, 16, 16),
        # Two things are not for the budget: what is decided by them, and what is asked for by hand.
        ({"patience_steps": 20}, {"budget_share": 0.0}, 16, 16),
        ({}, {"budget_share": 0.0, "eval_every": 0}, 16, 16),
    ],
)
def test_a_run_has_as_many_rows_as_each_evaluation_has_time_for(
    workspace: Workspace,
    training: dict[str, Any],
    evaluation: dict[str, Any],
    least: int,
    most: int,
) -> None:
    ask(workspace, training, **evaluation)
    assert least <= len(chosen(workspace)) <= most


class Busy(RehearsalEngine):
    """Scores rows slower in every other evaluation; notes how many each one scored."""

    def __init__(self, clock: StillClock) -> None:
        super().__init__(clock, 1.0)
        self.scored = [0]

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        self.scored[-1] += len(rows)
        self._clock.sleep_s(len(rows) * 0.1 * (1 + 3 * (len(self.scored) % 2)))
        return super().losses(rows)

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        result = super().step(passes, learning_rate, seed)
        self.scored[-1] = 0
        return result


def test_each_validation_loss_of_a_run_is_of_the_same_rows(workspace: Workspace) -> None:
    """The clock decided how many rows a loss was a mean of: the curve moved with the load."""
    ask(workspace, {}, budget_share=0.9)
    clock = StillClock()
    engine, seen = Busy(clock), list[int]()

    def react(report: say.Report) -> list[say.Order]:
        if isinstance(report, say.Evaluated):
            seen.append(engine.scored[-1])
            engine.scored.append(0)
        return []

    pipe = ScriptedPipe([say.Train(RUN)], react)
    Trainer(TrainerContext(workspace.layout, engine, pipe, clock, lambda: True), 1).serve()
    frozen = workspace.read(workspace.layout.run(RUN).frozen)
    assert len(seen) >= 3 and set(seen) == {len(frozen["tune"])}
