"""Asks the daemon by a control file and waits for its answer in the events; decides nothing."""

from typing import Any

from daemon.cli.output.screen import say
from daemon.cli.place import DaemonRefusal, NotRunning, alive, how_to_start
from daemon.clock import Clock, SystemClock
from daemon.core.decisions.commands import RequestId
from daemon.errors import Fault
from daemon.folders import control
from daemon.folders.status.reading import Events
from daemon.layout import Layout

LOOK_S = 0.1


class NoAnswer(Fault):
    """The daemon lives but did not answer in time."""


def ask(layout: Layout, word: str, content: str = "", *, wait_s: float = 15.0) -> None:
    """Ask a living daemon and show its answer.

    Raises:
        NotRunning: there is none.
        Refused: it answered anything but "done".
        NoAnswer: it did not answer in time; the request stands.
    """
    if alive(layout) is None:
        raise NotRunning("not_running", how_to_start(layout))
    _show(_ask(layout, word, content, wait_s), word)


def ask_or_do(layout: Layout, word: str, content: str, *, wait_s: float = 60.0) -> None:
    """Ask the daemon; where none lives, carry the request out here.

    Raises:
        Refused, NoAnswer: as `ask`.
        BusyFault: a daemon started in between.
    """
    if alive(layout) is not None:
        _show(_ask(layout, word, content, wait_s), word)
        return
    from daemon.app import obey_once

    events = Events(layout)
    request = control.write_request(layout, word, content)
    obey_once(layout.root)
    _show(_find(events.new(), request, word), word)


def _ask(layout: Layout, word: str, content: str, wait_s: float) -> dict[str, Any] | None:
    events = Events(layout)
    request = control.write_request(layout, word, content)
    return wait_for_answer(layout, events, request, word, wait_s, SystemClock())


def wait_for_answer(
    layout: Layout, events: Events, request: RequestId, word: str, wait_s: float, clock: Clock
) -> dict[str, Any] | None:
    """Return the event that answers a request; None where it did not come in time."""
    until_s = clock.monotonic_s() + wait_s
    while clock.monotonic_s() < until_s:
        lives = alive(layout) is not None
        answer = _find(events.new(), request, word)
        if answer is not None or not lives:
            return answer
        clock.sleep_s(LOOK_S)
    return None


def _find(events: list[dict[str, Any]], request: RequestId, word: str) -> dict[str, Any] | None:
    for event in events:
        # A daemon of an earlier version tells the inode alone.
        written_ns = event.get("written_ns", request.written_ns)
        asked = (event.get("event"), event.get("command"), event.get("inode"), written_ns)
        if asked == ("command", word, request.inode, request.written_ns):
            return event
    return None


def _show(answer: dict[str, Any] | None, word: str) -> None:
    if answer is None:
        raise NoAnswer(
            "no_answer",
            f"'{word}' has no answer yet; it stands in control/, and 'finetuned status' shows the "
            "answer when it comes",
        )
    message = str(answer.get("message", ""))
    if answer.get("answer") != "done":
        raise DaemonRefusal("refused", f"{word} {answer.get('answer')}: {message}")
    say(f"{word}: {message}")
