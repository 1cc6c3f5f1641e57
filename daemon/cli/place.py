"""Finds the workspace of a command and its running daemon."""

import os
from pathlib import Path
from typing import Annotated

import typer

from daemon.clock import Clock
from daemon.core.decisions import pulse
from daemon.core.status.shown import ShownStatus
from daemon.errors import ExitCode, UserFault
from daemon.folders.disk import locks
from daemon.layout import Layout

BLOCKED_S = 5.0
"""Longest wait for a blocked daemon; a shorter block may be an outdated status."""

HERE = Path()
Root = Annotated[
    Path, typer.Option("--root", help="The workspace, if it is not this folder.", metavar="DIR")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow the daemon until the end.")]
Rehearse = Annotated[
    bool, typer.Option("--rehearse", help="With no daemon: use the stand-in trainer.")
]


class NoWorkspace(UserFault):
    """The folder is not a workspace."""

    exit_code = ExitCode.USAGE


class NotRunning(UserFault):
    """The request needs a running daemon."""

    exit_code = ExitCode.NOT_RUNNING


class DaemonRefusal(UserFault):
    """The daemon refused the request."""

    exit_code = ExitCode.REFUSED


class Blocked(UserFault):
    """The daemon runs, but can train nothing until the user has done something."""

    exit_code = ExitCode.BLOCKED


class JobFailed(UserFault):
    """A job that the command waited for was not trained."""

    exit_code = ExitCode.JOB_FAILED


def workspace(root: Path) -> Layout:
    """Return the layout of a workspace.

    Raises:
        NoWorkspace: the folder holds neither settings nor an inbox.
    """
    layout = Layout(root.resolve())
    names = set(os.listdir(layout.root)) if layout.root.is_dir() else set()
    if layout.settings_file.name in names or layout.inbox.name in names:
        return layout
    raise NoWorkspace(
        "no_workspace",
        f"{layout.root} is not a workspace: create one with 'finetuned init {_shown(root)}', "
        "or name another with --root DIR",
    )


def workspace_if_any(root: Path) -> Layout | None:
    """Return the layout of a workspace; None in a folder that is none and was not named.

    Raises:
        NoWorkspace: a folder was named that is no workspace.
    """
    try:
        return workspace(root)
    except NoWorkspace:
        if root != HERE:
            raise
        return None


def _shown(root: Path) -> str:
    return "." if root == HERE else str(root)


def alive(layout: Layout) -> int | None:
    """Return the process id of the workspace's daemon; None if none runs."""
    holder = locks.holder(layout.workspace_lock)
    return None if holder is None else holder.pid


def alone(layout: Layout) -> str | None:
    """Return the order that a command is running here without a daemon; None if none is."""
    holder = locks.holder(layout.workspace_lock)
    return None if holder is None else holder.note or None


class DaemonWatch:
    """Checks, while a command waits, that the daemon runs and can work."""

    def __init__(self, layout: Layout, clock: Clock, what: str) -> None:
        self._layout = layout
        self._clock = clock
        self._what = what
        self._unblocked_s = clock.monotonic_s()

    def check(self, running: bool, document: ShownStatus) -> None:
        """Check once; `document` is the status document.

        Raises:
            NotRunning: the daemon is gone; the next one continues.
            Blocked: it can train nothing until the user has done something.
        """
        if not running:
            raise NotRunning("daemon_left", f"{self._what} waits: {how_to_start(self._layout)}")
        now_s = self._clock.monotonic_s()
        if document.get("status") != "blocked":
            self._unblocked_s = now_s
        elif now_s - self._unblocked_s > BLOCKED_S:
            raise Blocked("blocked", f"{self._what} waits: {document.get('message')}")


def how_to_start(layout: Layout) -> str:
    """Return the sentence that says how to start a daemon here."""
    return pulse.how_to_start(str(layout.root))
