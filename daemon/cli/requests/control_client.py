"""Sends requests to the daemon through control files and awaits the answers in its events."""

from daemon.cli.output.screen import echo
from daemon.cli.place import DaemonRefusal, NotRunning, alive, how_to_start
from daemon.clock import Clock, SystemClock
from daemon.core.decisions.commands import RequestId
from daemon.core.records import JsonObject
from daemon.errors import Fault
from daemon.folders import control
from daemon.folders.status.reading import Lines
from daemon.layout import Layout

POLL_S = 0.1


class NoAnswer(Fault):
    """The daemon runs but did not answer in time."""


def send_command(layout: Layout, command: str, content: str = "", *, wait_s: float = 15.0) -> None:
    """Send a request to the running daemon and show its answer.

    Raises:
        NotRunning: no daemon runs.
        DaemonRefusal: it answered anything but "done".
        NoAnswer: it did not answer in time; the request stays in `control/`.
    """
    if alive(layout) is None:
        raise NotRunning("not_running", how_to_start(layout))
    _show(_send(layout, command, content, wait_s), command)


def send_or_run(layout: Layout, command: str, content: str, *, wait_s: float = 60.0) -> None:
    """Send a request to the daemon; where none runs, carry it out here.

    Raises:
        DaemonRefusal, NoAnswer: as `send_command`.
        BusyFault: a daemon started in between.
    """
    if alive(layout) is not None:
        _show(_send(layout, command, content, wait_s), command)
        return
    from daemon.app import obey_once

    events = Lines(layout.events_file)
    request = control.write_request(layout, command, content)
    obey_once(layout.root)
    _show(_find(events.new(), request, command), command)


def _send(layout: Layout, command: str, content: str, wait_s: float) -> JsonObject | None:
    events = Lines(layout.events_file)
    request = control.write_request(layout, command, content)
    return wait_for_answer(layout, events, request, command, wait_s, SystemClock())


def wait_for_answer(
    layout: Layout, events: Lines, request: RequestId, command: str, wait_s: float, clock: Clock
) -> JsonObject | None:
    """Return the event that answers a request; None if there was none in time."""
    until_s = clock.monotonic_s() + wait_s
    while clock.monotonic_s() < until_s:
        running = alive(layout) is not None
        answer = _find(events.new(), request, command)
        if answer is not None or not running:
            return answer
        clock.sleep_s(POLL_S)
    return None


def _find(events: list[JsonObject], request: RequestId, command: str) -> JsonObject | None:
    for event in events:
        # A daemon of an earlier release reports the inode alone.
        written_ns = event.get("written_ns", request.written_ns)
        answered = (event.get("event"), event.get("command"), event.get("inode"), written_ns)
        if answered == ("command", command, request.inode, request.written_ns):
            return event
    return None


def _show(answer: JsonObject | None, command: str) -> None:
    if answer is None:
        raise NoAnswer(
            "no_answer",
            f"'{command}' has no answer yet; it waits in control/, and 'finetuned status' shows "
            "the answer when it comes",
        )
    message = str(answer.get("message", ""))
    if answer.get("answer") != "done":
        raise DaemonRefusal("refused", f"{command} {answer.get('answer')}: {message}")
    echo(f"{command}: {message}")
