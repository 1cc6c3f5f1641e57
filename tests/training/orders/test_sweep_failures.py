"""Trials of a sweep that fail: killed, without memory, without a row, not finite."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.rows.examples import Chat, Example, Turn
from daemon.core.training.footprint import Estimate
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.orders import orders
from daemon.settings import Settings
from daemon.training.engine.protocol import EncodedPass, StepResult, StepShape
from daemon.training.engine.stub import RehearsalEngine
from tests.training.orders.test_sweep import (
    DEFAULT,
    JOB,
    again,
    ask,
    engine,
    finish,
    found_by,
    trials_of,
    workspace,
)
from tests.training.workspace import (
    SETTINGS,
    Workspace,
    chats,
    make_workspace,
)

__all__ = ["workspace"]


class Killer(RehearsalEngine):
    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        raise ValueError("broken")


def test_a_trial_that_kills_its_trainer_three_times_is_given_up(workspace: Workspace) -> None:
    sweep = ask(workspace)
    workspace.serve(engine(), say.CarryOut(sweep))
    for _ in range(3):
        with pytest.raises(ValueError):
            workspace.serve(Killer(SystemClock(), 0.0), say.CarryOut(sweep))
    workspace.serve(Killer(SystemClock(), 0.0), say.CarryOut(sweep))
    second = trials_of(workspace, sweep)[1]
    assert second["outcome"] == "failed" and "died 3 times" in second["why"]
    finish(workspace, sweep)
    assert len(found_by(workspace, sweep)["trials"]) == 6


class Narrow(RehearsalEngine):
    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        raise MemoryError("too much")

    def trouble(self, error: BaseException) -> Literal["memory", "device"] | None:
        return "memory"


def test_a_trial_for_which_there_is_no_memory_fails_by_itself(workspace: Workspace) -> None:
    sweep = ask(workspace)
    workspace.serve(engine(), say.CarryOut(sweep))
    assert (
        workspace.serve(Narrow(SystemClock(), 0.0), say.CarryOut(sweep)).kinds()[-1] == "UnitEnded"
    )
    second = trials_of(workspace, sweep)[1]
    assert second["outcome"] == "failed" and "memory" in second["why"]
    assert 0.0 <= second["seconds"] < 60.0
    finish(workspace, sweep)
    assert found_by(workspace, sweep)["best"] is not None


class Cramped(RehearsalEngine):
    """Says beforehand that only short rows fit."""

    def estimate(
        self, base: Path, spec: AdapterSpec, shape: StepShape
    ) -> tuple[Estimate, int] | None:
        return Estimate(0, 0, 0, 0, shape.width, 0, 0), 128


def long_rows(count: int) -> list[Example]:
    return [Chat((Turn("user", "x" * (200 + n)), Turn("assistant", "long"))) for n in range(count)]


@pytest.mark.parametrize("short", [0, 3])
def test_a_trial_takes_no_step_without_a_row_and_none_without_any(
    tmp_path: Path, short: int
) -> None:
    """Steps without a row moved the adapter by old momentum, and counted as trained."""
    made = make_workspace(tmp_path / "w", engine())
    made.add_job(JOB, [*long_rows(6), *chats(short)], chats(4, "held"), state="done")
    settings = {**SETTINGS, "training": {**SETTINGS["training"], "batch_rows": 1}}
    default = {**DEFAULT, "batch_rows": 1}
    sweep = ask(
        made, trials=1, default=default, settings=Settings.model_validate(settings).model_dump()
    )
    counting = Counting(SystemClock(), 0.0)
    made.serve(counting, say.CarryOut(sweep), react=again)
    (trial,) = trials_of(made, sweep)
    assert counting.taken == short
    assert trial["outcome"] == ("finished" if short else "failed")
    assert short or "no row fits" in trial["why"]


class Counting(Cramped):
    """Counts the steps it computes."""

    taken = 0

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        self.taken += 1
        return super().step(passes, learning_rate, seed)


class NeverFinite(RehearsalEngine):
    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        return StepResult(None, None, None, False)


def test_a_default_that_cannot_be_trained_ends_the_sweep_with_the_reason(
    workspace: Workspace,
) -> None:
    sweep = ask(workspace)
    pipe = workspace.serve(NeverFinite(SystemClock(), 0.0), say.CarryOut(sweep), react=again)
    assert pipe.kinds()[-1] == "OrderEnded"
    assert "not finite" in found_by(workspace, sweep)["message"]


def test_the_rows_go_though_the_trainer_died_right_after_the_result(workspace: Workspace) -> None:
    """They stayed for ever: whoever went on found the result, and looked no further."""
    sweep = ask(workspace)
    place = workspace.layout.sweep(sweep)
    orders.end(place, {"outcome": "finished", "message": "it was written"})
    assert place.rows.folder.exists()
    assert workspace.serve(engine(), say.CarryOut(sweep)).kinds()[-1] == "OrderEnded"
    assert not place.rows.folder.exists()
