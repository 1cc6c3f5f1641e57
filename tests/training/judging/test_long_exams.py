"""Exams that take longer than the trainer ever lives: each start that gets on counts no more."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.decisions.deaths import Cause
from daemon.core.decisions.scheduling import after_death, poison
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.folders.runs.run_requests import RunRequests
from daemon.training.engine.stub import RehearsalEngine
from tests.core.suite_samples import suite
from tests.orders import result_of
from tests.training.orders.test_audit import order as order_audit
from tests.training.orders.test_audit import workspace as audited
from tests.training.orders.test_evaluation import again, ask
from tests.training.workspace import SETTINGS, Workspace, chats, make_workspace

__all__ = ["audited"]
JOB = "000001-sums"


class Struck(BaseException):
    """Ends the trainer at once, as a power cut does."""


class Mortal(RehearsalEngine):
    """Is struck when it has made so many answers; at 0, before the first."""

    def __init__(self, answers: int) -> None:
        super().__init__(SystemClock(), 0.0)
        self._left = answers

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Interrupted,
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        def told(place: int, answer: Answer) -> None:
            if not self._left:
                raise Struck
            self._left -= 1
            if on_answer is not None:
                on_answer(place, answer)

        return super().answer(prompts, limits, interrupted, told)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "w", Mortal(0))


def starts_until_over(workspace: Workspace, order: str, answers: int) -> int:
    """Start the trainer until an order is over; each lives for so many answers."""
    for start in range(1, 40):
        with suppress(Struck):
            workspace.serve(Mortal(answers), say.CarryOut(order), react=again)
        if result_of(workspace.layout.order(order)) is not None:
            return start
    raise AssertionError("it never ends")


def test_an_evaluation_longer_than_any_uptime_ends(workspace: Workspace) -> None:
    """A piece was given up at its third beginning, though each had made answers."""
    order = ask(workspace, lakes=suite("lakes", *"abcdefg"))
    assert starts_until_over(workspace, order, answers=1) == 7
    result = result_of(workspace.layout.order(order))
    assert result is not None and result["subjects"][0]["failed"] == []
    assert [one["models"]["base"]["items"] for one in result["suites"]] == [7, 1]


def test_an_evaluation_that_gets_nowhere_is_given_up(workspace: Workspace) -> None:
    order = ask(workspace)
    starts_until_over(workspace, order, answers=0)
    result = result_of(workspace.layout.order(order))
    assert result is not None and "died 3 times" in result["subjects"][0]["failed"][0]


def test_an_audit_longer_than_any_uptime_ends(audited: Workspace) -> None:
    """An audit was given up at its third beginning, though each had made answers."""
    order = order_audit(audited)
    assert starts_until_over(audited, order, answers=1) > 3
    result = result_of(audited.layout.order(order))
    assert result is not None and result["outcome"] != "failed"


def given_up(workspace: Workspace) -> bool:
    return poison(RunRequests(workspace.layout).attempts("r000001")) is not None


def starts_until_over_or_given_up(workspace: Workspace, answers: int) -> int:
    """Start the trainer on a run and count starts and deaths, as the supervisor does."""
    runs = RunRequests(workspace.layout)
    for start in range(1, 40):
        attempts = runs.attempts("r000001")
        runs.write_attempts("r000001", replace(attempts, started=attempts.started + 1, after=None))
        with suppress(Struck):
            workspace.serve(Mortal(answers), say.Train("r000001"))
            return start
        attempts = after_death(runs.attempts("r000001"), Cause("other"), "SIGKILL")
        runs.write_attempts("r000001", attempts)
        if given_up(workspace):
            return start
    raise AssertionError("it never ends")


def test_a_judgement_longer_than_any_uptime_ends(workspace: Workspace) -> None:
    """A run was given up at the third death in its exam, though each start had made answers."""
    workspace.add_job(JOB, chats(120), chats(24, "held"))
    evaluation = {**SETTINGS["evaluation"], "eval_every": 0, "samples": 0, "judge_samples": 12}
    workspace.ask_run("r000001", [JOB], settings={**SETTINGS, "evaluation": evaluation})
    draft = workspace.layout.run("r000001").draft
    assert starts_until_over_or_given_up(workspace, answers=2) > 3
    assert draft.exists() and not given_up(workspace)


def test_a_judgement_that_gets_nowhere_is_given_up(workspace: Workspace) -> None:
    workspace.add_job(JOB, chats(120), chats(24, "held"))
    evaluation = {**SETTINGS["evaluation"], "eval_every": 0, "samples": 0}
    workspace.ask_run("r000001", [JOB], settings={**SETTINGS, "evaluation": evaluation})
    starts_until_over_or_given_up(workspace, answers=0)
    assert given_up(workspace) and not workspace.layout.run("r000001").draft.exists()
