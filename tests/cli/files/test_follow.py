"""Following dropped files to the end of their jobs, by what the events say."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from daemon.cli.files.follow import Followed, Follower
from daemon.cli.place import Blocked, NotRunning
from daemon.cli.requests.control_client import wait_for_answer
from daemon.core.decisions.commands import RequestId
from daemon.folders.status.reading import Lines
from daemon.layout import Layout


class Scripted:
    """A clock under which the next thing happens at each sleep."""

    def __init__(self, *scenes: Callable[[], None]) -> None:
        self._scenes = list(scenes)
        self._seconds = 0.0

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return self._seconds

    def sleep_s(self, seconds: float) -> None:
        self._seconds += seconds
        if self._scenes:
            self._scenes.pop(0)()


def tell(layout: Layout, **event: Any) -> Callable[[], None]:
    def append() -> None:
        with layout.events_file.open("a") as file:
            file.write(json.dumps(event) + "\n")

    return append


def rotate(layout: Layout) -> None:
    layout.events_file.rename(layout.events_file.with_name("events.jsonl.1"))


@pytest.mark.usefixtures("lock_held")
def test_a_file_is_followed_by_its_inode_and_time_through_a_rotation(layout: Layout) -> None:
    """Fault S4."""
    tell(layout, event="job_ended", job="000001-x", state="failed")()
    claimed = {"event": "claimed", "name": "x.jsonl"}
    ended = {"event": "job_ended", "state": "done", "outcome": "trained", "message": "well"}
    follower = Follower(
        layout,
        Scripted(
            tell(layout, **claimed, job="000001-x", inode=1, written_ns=5),
            tell(layout, **claimed, job="000003-x", inode=77, written_ns=4),
            tell(layout, **claimed, job="000002-x", inode=77, written_ns=5),
            lambda: rotate(layout),
            tell(layout, **ended, job="000001-x", version="v000001"),
            tell(layout, **ended, job="000003-x", version="v000003"),
            tell(layout, **ended, job="000002-x", version="v000002"),
        ),
        [Followed("x.jsonl", 77, 5)],
    )
    follower.until_ended()
    followed = follower.files[0]
    assert (followed.job, followed.state, followed.version) == ("000002-x", "done", "v000002")


@pytest.mark.usefixtures("lock_held")
def test_a_file_that_is_put_back_is_followed_to_its_next_claim(layout: Layout) -> None:
    follower = Follower(
        layout,
        Scripted(
            tell(layout, event="claimed", job="000001-x", name="x.jsonl", inode=7),
            tell(layout, event="put_back", job="000001-x"),
            tell(layout, event="claimed", job="000002-x", name="x.jsonl", inode=7),
            tell(layout, event="job_ended", job="000002-x", state="failed", outcome="refused"),
        ),
        [Followed("x.jsonl", 7, 5)],
    )
    follower.until_ended()
    assert follower.files[0].state == "failed"


def test_a_daemon_that_leaves_ends_the_waiting(layout: Layout) -> None:
    follower = Follower(layout, Scripted(), [Followed("x.jsonl", 7, 5)])
    with pytest.raises(NotRunning, match="finetuned run"):
        follower.until_ended()


@pytest.mark.usefixtures("lock_held")
def test_a_daemon_that_is_blocked_ends_the_waiting_with_its_reason(layout: Layout) -> None:
    layout.status_file.write_text('{"status": "blocked", "message": "no such model"}')
    follower = Follower(layout, Scripted(), [Followed("x.jsonl", 7, 5)])
    with pytest.raises(Blocked, match="no such model"):
        follower.until_ended()


@pytest.mark.usefixtures("lock_held")
def test_an_answer_is_known_by_word_inode_and_time(layout: Layout) -> None:
    """The inode of a request that was answered is given to the next one."""
    skip = {"event": "command", "command": "skip"}
    clock = Scripted(
        tell(layout, **skip, inode=4, written_ns=8, answer="done", message="other"),
        tell(layout, **skip, inode=5, written_ns=7, answer="stale", message="an earlier one"),
        tell(layout, **skip, inode=5, written_ns=8, answer="refused", message="mine"),
    )
    answer = wait_for_answer(
        layout, Lines(layout.events_file), RequestId(5, 8), "skip", 10.0, clock
    )
    assert answer is not None
    assert answer["message"] == "mine"


@pytest.mark.usefixtures("lock_held")
def test_an_answer_of_an_earlier_version_is_known_by_word_and_inode(layout: Layout) -> None:
    clock = Scripted(tell(layout, event="command", command="skip", inode=5, message="mine"))
    answer = wait_for_answer(
        layout, Lines(layout.events_file), RequestId(5, 8), "skip", 10.0, clock
    )
    assert answer is not None


@pytest.mark.usefixtures("lock_held")
def test_waiting_for_an_answer_ends(layout: Layout) -> None:
    request = RequestId(5, 8)
    assert (
        wait_for_answer(layout, Lines(layout.events_file), request, "skip", 10.0, Scripted())
        is None
    )
