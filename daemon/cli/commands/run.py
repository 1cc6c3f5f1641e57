"""`init` and `run`: create a workspace, and run its daemon."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.output.screen import echo, facts
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.core.workspace.orders import KINDS
from daemon.errors import UserFault
from daemon.layout import ENDED, PRIORITIES, Layout


def init(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where; default: this folder.")
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", help="The same as DIR.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Create a workspace: its folders, and finetuned.toml with every setting explained."""
    if directory is not None and root is not None:
        raise typer.BadParameter("name the folder once: as DIR or with --root")
    place = directory or root or HERE
    layout = Layout(place.resolve())
    make_workspace(layout)
    if json:
        facts({"root": str(layout.root), "settings": str(layout.settings_file)})
        return
    echo(f"The workspace is {layout.root}; its settings are in {layout.settings_file.name}.")
    where = "" if place == HERE else f" --root {place}"
    echo(f"Start the daemon with 'finetuned run{where}', then drop .jsonl files into")
    echo(f"{layout.inbox}. 'finetuned status{where}' shows what happens.")


def make_workspace(layout: Layout) -> None:
    """Create the folders and the settings.

    Raises:
        UserFault: settings exist already, or the folder cannot be created; nothing was changed.
    """
    from daemon.folders import settings_file
    from daemon.folders.disk import access, atomic
    from daemon.settings import Settings

    if layout.settings_file.exists():
        raise UserFault(
            "workspace_exists", f"{layout.settings_file} exists already; it was left as it is"
        )
    settings = Settings()
    access.restrict(settings.access)
    try:
        for folder in _folders(layout):
            atomic.make_directory(folder)
        settings_file.write(layout, settings)
    except OSError as error:
        raise UserFault("no_workspace", f"{layout.root} cannot be created: {error}") from error


def _folders(layout: Layout) -> list[Path]:
    states = ("incoming", *PRIORITIES, "running", *ENDED)
    return [
        *(layout.inbox / part for part in ("high", "low")),
        *(layout.queue / state for state in states),
        layout.control,
        layout.status,
        layout.logs,
        layout.bases,
        layout.versions,
        layout.backups,
        layout.runs,
        *map(layout.orders, KINDS),
    ]


def run(
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Stop when inbox and queue are empty.")
    ] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Use the stand-in trainer: no model is needed.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Write the log to logs/daemon.jsonl only.")
    ] = False,
    as_root: Annotated[
        bool, typer.Option("--as-root", help="As root, run in another user's workspace.")
    ] = False,
    root: Root = HERE,
) -> None:
    """Run the daemon of a workspace until stopped."""
    from daemon.app import Daemon
    from daemon.model import wheels

    layout = _startable(root)
    if not rehearse:
        wheels.require()
    daemon = Daemon(layout.root, rehearse=rehearse, console=not quiet, as_root=as_root)
    raise typer.Exit(daemon.run(until_idle))


def _startable(root: Path) -> Layout:
    """Return the layout of a folder a daemon may use: a workspace, or an empty folder."""
    if root.is_dir() and not any(root.iterdir()):
        return Layout(root.resolve())
    return workspace(root)
