"""Evaluations in the course of a run hold their steps, and answer fewer prompts at need."""

from typing import Any

import pytest

from daemon.core import messages as say
from tests.training.run.test_probes import train, workspace
from tests.training.workspace import ScriptedPipe, Workspace, after_steps

__all__ = ["workspace"]
ANSWER_S = 3.0
STEPS = 30
"""Of a second each."""


def evaluated(*pipes: ScriptedPipe) -> list[say.Evaluated]:
    return [one for pipe in pipes for one in pipe.sent if isinstance(one, say.Evaluated)]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3])
def test_no_evaluation_is_left_out_whatever_they_cost(workspace: Workspace, share: float) -> None:
    """Turns were left out to stay within the budget: of four in the demo, two were.

    Later one prompt was left of three: 100 % right (1 of 1) says nothing.
    """
    pipe = train(workspace, "r000001", ANSWER_S, eval_every=3, samples=8, budget_share=share)
    found = evaluated(pipe)
    assert [one.step for one in found] == list(range(3, STEPS + 1, 3))
    assert all(one.validation_loss is not None for one in found)
    answers = [len(one.samples) for one in found]
    assert answers == sorted(answers, reverse=True) and answers[-1] == 3
    assert all(len(one.samples) + one.left_out == 8 for one in found)


def test_within_the_budget_all_prompts_are_answered_each_time(workspace: Workspace) -> None:
    """Nothing is left out where there is time."""
    found = evaluated(train(workspace, "r000001", 0.2, eval_every=3, budget_share=0.1))
    assert {len(one.samples) for one in found} == {2}


@pytest.mark.parametrize(("every", "steps"), [(7, [7, 14, 21, 28, 30]), (40, [30]), (0, [])])
def test_the_last_step_is_evaluated_too(workspace: Workspace, every: int, steps: list[int]) -> None:
    """A run of 86 steps had its last evaluation at 80."""
    assert [one.step for one in evaluated(train(workspace, "r000001", eval_every=every))] == steps


@pytest.mark.parametrize("at", [6, 7, 30])
@pytest.mark.parametrize("order", [say.Stop(), say.Abandon()])
def test_what_a_stop_or_a_kill_came_before_is_made_up_for(
    workspace: Workspace, at: int, order: Any
) -> None:
    """An evaluation that was interrupted was missing from then on."""
    before = train(workspace, "r000001", react=after_steps(at, order), eval_every=6)
    after = train(workspace, "r000001")
    found = [one.step for one in evaluated(before, after)]
    assert sorted(set(found)) == [6, 12, 18, 24, 30]
    draft = workspace.read(workspace.layout.run("r000001").candidate / "training_state.json")
    assert [step for step, _ in draft["validation"]] == [6, 12, 18, 24, 30]


def test_one_that_was_asked_for_is_not_held_against_the_others(workspace: Workspace) -> None:
    def react(report: say.Report) -> list[say.Order]:
        first = isinstance(report, say.Stepped) and report.metrics.step == 1
        return [say.Evaluate()] if first else []

    pipe = train(workspace, "r000001", 0.5, react, eval_every=15, budget_share=0.1)
    assert [one.step for one in evaluated(pipe)] == [1, 15, 30]
