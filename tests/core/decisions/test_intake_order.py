"""Which file is read next, and what need not wait for a huge one."""

from dataclasses import replace

import pytest

from daemon.core.decisions import actions as do
from daemon.core.decisions.decide import decide
from daemon.core.decisions.intake_turns import HUGE_BYTES
from daemon.core.decisions.snapshot import WorkerState
from daemon.core.workspace.jobs import Incoming, JobCard
from tests.core import worlds as w

HUGE = w.card(1, size_bytes=HUGE_BYTES)
BUSY = WorkerState("busy", HUGE.job)


def begun(worker: WorkerState, *cards: JobCard) -> list[JobCard]:
    """Return the jobs that are handed to the intake worker."""
    seen = w.quiet(incoming=tuple(Incoming(card, None) for card in cards), intake=worker)
    return [action.card for action in decide(seen) if isinstance(action, do.BeginIntake)]


def test_priority_goes_before_arrival() -> None:
    low, high = w.card(1, priority="low"), w.card(2, priority="high")
    assert begun(WorkerState("idle"), low, w.card(3), high) == [high]


def test_a_small_file_is_read_while_a_huge_one_is() -> None:
    small = w.card(2, size_bytes=1000)
    assert begun(BUSY, HUGE, small) == [small]


@pytest.mark.parametrize(
    "other",
    [
        w.card(2, size_bytes=HUGE_BYTES // 2),
        w.card(2, size_bytes=1000, priority="low"),
        w.card(2, size_bytes=1000, intake_deaths=1),
    ],
)
def test_another_large_a_lower_or_a_deadly_file_waits(other: JobCard) -> None:
    """Fault Q5."""
    assert begun(BUSY, HUGE, other) == []


def test_a_file_of_higher_priority_is_read_in_between_whatever_its_size() -> None:
    high = w.card(2, priority="high", size_bytes=10 * HUGE_BYTES)
    plain = replace(HUGE, size_bytes=10)
    assert begun(WorkerState("busy", plain.job), plain, high) == [high]


def test_only_one_file_is_read_in_between_at_a_time() -> None:
    third = w.card(3, size_bytes=10)
    assert begun(replace(BUSY, on=w.card(2).job, others=(HUGE.job,)), HUGE, w.card(2), third) == []


def test_nothing_is_handed_to_a_worker_that_leaves() -> None:
    assert begun(WorkerState("leaving", HUGE.job), HUGE, w.card(2, size_bytes=1)) == []
