"""What a run does when its loss jumps, its device is gone or its process is worn."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest

from daemon.core import messages as say
from daemon.core.training.fallback import Fallback
from daemon.folders.runs import runs
from daemon.training.engine.protocol import EncodedPass, StepResult
from tests.training.rehearsed import (
    JOB,
    LONG,
    TRAIN,
    Jumping,
    Rehearsal,
    alerts,
    notes,
    steps,
    workspace,
)
from tests.training.workspace import (
    Workspace,
    after_steps,
)

__all__ = ["workspace"]


def test_after_a_jump_of_the_loss_the_run_goes_on_from_before_it_with_half_the_rate(
    workspace: Workspace,
) -> None:
    """Fault T10."""
    pipe = workspace.serve(Jumping(), TRAIN)
    assert alerts(pipe) == ["loss_jumped"]
    assert pipe.kinds()[-1] == "CandidateReady"
    # The jump is seen after its second step; the last commit before it was step 16.
    assert steps(pipe) == [*range(1, 19), *range(17, 41)]
    (fallback,) = runs.read_fallbacks(workspace.layout.run("r000001"))
    assert (fallback.at, fallback.rate_share) == (16, 0.5)
    rates = [r.metrics.learning_rate for r in pipe.sent if isinstance(r, say.Stepped)]
    assert rates[17] == pytest.approx(5e-4) and rates[18] == pytest.approx(2.5e-4)
    metrics = workspace.read(workspace.layout.run("r000001").candidate / "training_metrics.json")
    assert [line["step"] for line in metrics["steps"]] == list(range(1, 41))


def test_a_rate_noted_behind_a_rollback_does_not_come_back(workspace: Workspace) -> None:
    """Jumps at 16 and then at 8: steps 9 to 16 had a quarter of the rate, those behind a half."""
    workspace.serve(Rehearsal(), TRAIN, react=after_steps(9, say.Abandon()))
    place = workspace.layout.run("r000001")
    for at, share in ((16, 0.5), (8, 0.25)):
        runs.append_fallback(place, Fallback(at, 2048, rate_share=share))
    pipe = workspace.serve(Rehearsal(), TRAIN)
    rates = {
        r.metrics.step: r.metrics.learning_rate for r in pipe.sent if isinstance(r, say.Stepped)
    }
    assert [rates[step] for step in (9, 16, 17, 20)] == pytest.approx([1.25e-4] * 4)
    assert pipe.kinds().count("RunBegun") == 1, "nothing changes at 16, so nothing is opened anew"


class NoteLoss(Rehearsal):
    """Its loss jumps and no rate helps."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        result = super().step(passes, learning_rate, seed)
        return replace(result, loss=30.0) if int(self._moments["step"][0]) >= 17 else result


def test_the_rate_is_not_halved_for_ever(workspace: Workspace) -> None:
    pipe = workspace.serve(NoteLoss(), TRAIN)
    assert alerts(pipe) == ["loss_jumped"] * 4
    assert pipe.kinds()[-1] == "CandidateReady"
    ladder = runs.read_fallbacks(workspace.layout.run("r000001"))
    assert [fallback.rate_share for fallback in ladder] == [0.5, 0.25, 0.125]


# --- device and wear -----------------------------------------------------------------------------


class Lost(Rehearsal):
    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def alive(self) -> bool:
        self.times -= 1
        return self.times < 0


def test_a_device_that_was_lost_is_waited_for(workspace: Workspace) -> None:
    # Any order ends a wait early; these two mean nothing else.
    waits = (say.Checkpoint(), say.Checkpoint())
    pipe = workspace.serve(Lost(2), say.Train("r000001", "device"), *waits)
    assert steps(pipe)[-1] == 40 and pipe.kinds()[-1] == "CandidateReady"


class Errs(Rehearsal):
    def trouble(self, error: BaseException) -> Literal["memory", "device"] | None:
        return "device"

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        raise RuntimeError("GPU lost")


def test_a_device_that_is_lost_in_a_step_ends_the_process(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError, match="GPU lost"):
        workspace.serve(Errs(), TRAIN)
    assert not runs.read_fallbacks(workspace.layout.run("r000001"))


def test_a_worn_trainer_leaves_after_a_run_and_says_why(workspace: Workspace) -> None:
    settings: dict[str, Any] = {**LONG, "trainer": {"max_runs": 1}}
    for run in ("r000002", "r000003"):
        workspace.ask_run(run, [JOB], settings=settings)
    pipe = workspace.serve(Rehearsal(), say.Train("r000002"), say.Train("r000003"))
    assert notes(pipe).count("trainer_worn") == 1
    assert pipe.kinds().count("CandidateReady") == 1
