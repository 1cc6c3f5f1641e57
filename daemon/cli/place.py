"""Which workspace a command is about, and whether its daemon lives; changes nothing."""

import os
from pathlib import Path
from typing import Annotated

import typer

from daemon.core.decisions import pulse
from daemon.errors import ExitCode, UserFault
from daemon.folders.disk import locks
from daemon.layout import Layout

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
    """The folder is no workspace."""

    exit_code = ExitCode.USAGE


class NotRunning(UserFault):
    """The request needs a living daemon."""

    exit_code = ExitCode.NOT_RUNNING


class DaemonRefusal(UserFault):
    """The daemon answered no."""

    exit_code = ExitCode.REFUSED


class Blocked(UserFault):
    """The daemon lives, but can train nothing until the user has done something."""

    exit_code = ExitCode.BLOCKED


class JobFailed(UserFault):
    """A job that was waited for has not been trained."""

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
        f"{layout.root} is no workspace: make one with 'finetuned init {_shown(root)}', "
        "or name another with --root DIR",
    )


def _shown(root: Path) -> str:
    return "." if root == HERE else str(root)


def alive(layout: Layout) -> int | None:
    """Return the process id of the workspace's daemon; None where none lives."""
    named = locks.holder(layout.workspace_lock)
    return None if named is None else named.pid


def alone(layout: Layout) -> str | None:
    """Return the one order that a command is carrying out here; None for a daemon, or nobody."""
    named = locks.holder(layout.workspace_lock)
    return None if named is None else named.note or None


def how_to_start(layout: Layout) -> str:
    """Return the sentence that says how a daemon is started here."""
    return pulse.how_to_start(str(layout.root))
