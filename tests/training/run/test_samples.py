"""Samples of a run: as many as its first evaluation has time for, then the first of these.

Fault: each evaluation answered as many as it had time for, so the shares of right answers over
steps were of different questions.
"""

import pytest

from daemon.core import messages as say
from tests.training.run.test_probes import train, workspace
from tests.training.workspace import ScriptedPipe, Workspace, after_steps

__all__ = ["workspace"]
RUN = "r000001"
SETTINGS = {"eval_every": 5, "samples": 24, "budget_share": 1.0}


def prompts(*pipes: ScriptedPipe) -> list[list[str]]:
    """Return what each evaluation asked."""
    return [
        [sample.prompt for sample in report.samples]
        for pipe in pipes
        for report in pipe.sent
        if isinstance(report, say.Evaluated)
    ]


def test_every_evaluation_of_a_run_asks_the_samples_of_the_first(workspace: Workspace) -> None:
    pipe = train(workspace, RUN, 2.0, **SETTINGS)
    first, *others = prompts(pipe)
    assert 8 <= len(first) < 24 and others and all(asked == first for asked in others)
    told = [report.left_out for report in pipe.sent if isinstance(report, say.Evaluated)]
    assert set(told) == {24 - len(first)}


@pytest.mark.parametrize("answer_s", [0.0, 4.0])
def test_they_are_the_same_after_a_restart_on_a_machine_of_another_speed(
    workspace: Workspace, answer_s: float
) -> None:
    before = train(workspace, RUN, 2.0, after_steps(7, say.Stop()), **SETTINGS)
    after = train(workspace, RUN, answer_s)
    first, *others = prompts(before, after)
    assert 8 <= len(first) < 24 and others
    assert all(asked and asked == first[: len(asked)] for asked in others)
    assert answer_s or all(asked == first for asked in others)


def test_a_slower_machine_asks_fewer_of_the_same_and_misses_no_evaluation(
    workspace: Workspace,
) -> None:
    """A machine that became slow left whole evaluations out."""
    before = train(workspace, RUN, 0.0, after_steps(7, say.Stop()), **SETTINGS)
    after = train(workspace, RUN, 4.0)
    found = prompts(before, after)
    assert len(found) == 6 and len(found[0]) == 24
    assert all(asked and asked == found[0][: len(asked)] for asked in found)
    counts = [len(asked) for asked in found]
    assert counts == sorted(counts, reverse=True) and counts[-1] < 24


def test_one_that_is_asked_for_before_the_first_keeps_to_the_same_rule(
    workspace: Workspace,
) -> None:
    def react(report: say.Report) -> list[say.Order]:
        taken = isinstance(report, say.Stepped) and report.metrics.step == 3
        return [say.Evaluate()] if taken else []

    first, *others = prompts(train(workspace, RUN, 1.0, react, **SETTINGS))
    assert 8 <= len(first) < 24 and others and all(asked == first for asked in others)


def test_a_run_that_begins_anew_finds_out_again(workspace: Workspace) -> None:
    train(workspace, RUN, 2.0, after_steps(7, say.Stop()), **SETTINGS)
    place = workspace.layout.run(RUN)
    place.frozen.write_text("{}")
    again = train(workspace, RUN, 0.0)
    assert {len(asked) for asked in prompts(again)} == {24}
