"""Runs of the rehearsal engine over one job, and what they told; for tests of what goes wrong."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.training.engine.protocol import EncodedPass, StepResult
from daemon.training.engine.stub import RehearsalEngine
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    chats,
    make_workspace,
)

JOB = "000001-sums"
TRAIN = say.Train("r000001")
LONG = {**SETTINGS, "training": {**SETTINGS["training"], "epochs": 5}, "checkpoint": {"steps": 4}}


class Rehearsal(RehearsalEngine):
    """Takes steps as fast as the machine can."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)


class Jumping(Rehearsal):
    """Its loss jumps at the 17th step and stays high, unless the rate is small."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        result = super().step(passes, learning_rate, seed)
        late = int(self._moments["step"][0]) >= 17
        return replace(result, loss=30.0) if late and learning_rate > 3e-4 else result


def with_job(root: Path, rows: int, held: int = 24) -> Workspace:
    """Return a workspace with one job that waits for its run."""
    made = make_workspace(root, Rehearsal())
    made.add_job(JOB, chats(rows), chats(held, "held"))
    return made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """One with a run of 40 steps, committed every four."""
    made = with_job(tmp_path / "w", 30)
    made.ask_run("r000001", [JOB], settings=LONG)
    return made


def alerts(pipe: ScriptedPipe) -> list[str]:
    """Return the codes of the alerts that were told."""
    return [report.code for report in pipe.sent if isinstance(report, say.Alerted)]


def notes(pipe: ScriptedPipe) -> list[str]:
    """Return the codes of the notes that were told."""
    return [report.code for report in pipe.sent if isinstance(report, say.Noted)]


def steps(pipe: ScriptedPipe) -> list[int]:
    """Return the steps that were taken, in order."""
    return [report.metrics.step for report in pipe.sent if isinstance(report, say.Stepped)]
