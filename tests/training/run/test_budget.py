"""Evaluations in the course of a run keep to their share of its time, and say what is left out."""

import pytest

from daemon.core import messages as say
from daemon.training.run.loop import FORGIVEN_S
from tests.training.run.test_probes import train, workspace
from tests.training.workspace import Workspace

__all__ = ["workspace"]
ANSWER_S = 3.0
STEPS = 30
"""Of a second each."""


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_turn_that_would_cost_more_than_is_left_is_left_out_and_told(
    workspace: Workspace, share: float
) -> None:
    """The first one finds out what one costs; the least of each turn is a batch of answers."""
    pipe = train(workspace, "r000001", ANSWER_S, eval_every=3, budget_share=share)
    took_s = [report.seconds for report in pipe.sent if isinstance(report, say.Evaluated)]
    assert took_s and sum(took_s) <= max(ANSWER_S, share * STEPS + FORGIVEN_S)
    notes = [report for report in pipe.sent if isinstance(report, say.Noted)]
    left_out = [note.message for note in notes if note.code == "evaluation_left_out"]
    assert len(took_s) + len(left_out) == STEPS // 3
    assert all("evaluation.budget_share" in message for message in left_out)


def test_one_that_was_asked_for_is_not_held_against_the_others(workspace: Workspace) -> None:
    def react(report: say.Report) -> list[say.Order]:
        first = isinstance(report, say.Stepped) and report.metrics.step == 1
        return [say.Evaluate()] if first else []

    pipe = train(workspace, "r000001", 0.5, react, eval_every=15, budget_share=0.1)
    steps = [report.step for report in pipe.sent if isinstance(report, say.Evaluated)]
    assert steps == [1, 15, 30]
