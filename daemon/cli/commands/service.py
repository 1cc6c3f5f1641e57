"""`service install|remove|status`: starts the workspace's daemon with the user's session."""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.checks.checks import place_checks
from daemon.cli.checks.service_manager import Launchd, Manager, Systemd, run_command, until
from daemon.cli.output.screen import echo, echo_error, facts
from daemon.cli.place import HERE, Json, Root, alive, workspace
from daemon.core.service.service import Service, not_carried, service_name
from daemon.core.service.systemd import IN_PROGRAM
from daemon.errors import BusyFault, UserFault
from daemon.folders import services
from daemon.layout import Layout

service = typer.Typer(help="Start the daemon when you log in.", no_args_is_help=True)


@dataclass(frozen=True)
class ServiceHost:
    """The facts of machine and user that decide where a service's file lies."""

    platform: str
    uid: int
    home: Path
    config: Path
    python: str


def this_machine() -> ServiceHost:
    """Return this machine and user."""
    home = Path.home()
    # The XDG base directory specification: a relative path is ignored.
    config = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return ServiceHost(
        platform=sys.platform,
        uid=os.geteuid(),
        home=home,
        config=config if config.is_absolute() else home / ".config",
        python=os.path.abspath(sys.executable),
    )


@service.command()
def install(
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Only write the file; do not start anything.")
    ] = False,
    as_root: Annotated[
        bool, typer.Option("--as-root", help="Install it as root: the daemon will run as root.")
    ] = False,
    root: Root = HERE,
) -> None:
    """Start the daemon of this workspace now, and whenever you log in."""
    layout, machine = workspace(root), this_machine()
    if machine.uid == 0 and not as_root:
        raise UserFault(
            "root",
            "a service of root would own the workspace's files: run this as the user whose models "
            "they are, without sudo, or add --as-root",
        )
    manager = _manager(machine, layout)
    content = manager.content(_service(machine, manager, layout, as_root), layout.logs)
    for check in place_checks(layout.root):
        echo_error(f"warning: {check.finding}")
    changed = services.read(manager.file) != content
    if changed:
        services.write(manager.file, content)
    echo(f"{'wrote' if changed else 'unchanged:'} {manager.file}")
    if no_start:
        echo(f"to start the daemon, type: {_typed(manager.start_commands())}")
    else:
        _load(manager, layout, changed)


@service.command()
def remove(root: Root = HERE) -> None:
    """Stop the daemon that the service started, and uninstall the service."""
    layout = Layout(root.resolve())
    manager = _manager(this_machine(), layout)
    there = services.read(manager.file) is not None
    state = manager.state()
    if not there and not state.loaded:
        echo(f"there is no service for {layout.root}: {manager.file} does not exist")
        return
    if state.loaded:
        _unload(manager)
    services.remove(manager.file)
    echo(f"removed {manager.file}; the workspace {layout.root} was left as it is")
    typed = _typed([*manager.stop_commands(), *manager.after_removal()])
    if state.loaded is None:
        echo_error(f"{manager.name} cannot be reached ({state.words}); where it can, type: {typed}")
    elif (failed := _run_all(manager.after_removal())) is not None:
        echo_error(f"{manager.name} has not noticed yet ({failed})")


@service.command()
def status(root: Root = HERE, json: Json = False) -> None:
    """Show whether the daemon of this workspace starts by itself, and whether it is loaded."""
    layout = Layout(root.resolve())
    manager = _manager(this_machine(), layout)
    content = services.read(manager.file)
    command = None if content is None else manager.command_in(content)
    state = manager.state()
    if json:
        facts(
            {
                "installed": content is not None,
                "file": str(manager.file),
                "manager": manager.name,
                "command": command,
                "loaded": state.loaded,
                "state": state.words,
            }
        )
        return
    if content is None:
        echo(f"not installed: {manager.file} does not exist")
    else:
        echo(f"installed: {manager.file}")
        shown = "cannot be parsed: the file was not written by this command"
        echo(f"command: {shlex.join(command) if command else shown}")
    loaded = {True: "yes", False: "no", None: "unknown"}[state.loaded]
    echo(f"loaded: {loaded}" + (f" ({state.words})" if state.words else ""))


def _manager(machine: ServiceHost, layout: Layout) -> Manager:
    name = service_name(str(layout.root))
    if machine.platform == "darwin":
        return Launchd(name, machine.home, machine.uid)
    if machine.platform == "linux":
        return Systemd(name, machine.config)
    raise UserFault(
        "no_service_manager",
        f"on {machine.platform} no service manager is known: have yours start "
        f"'finetuned run --root {layout.root}'",
    )


def _service(machine: ServiceHost, manager: Manager, layout: Layout, as_root: bool) -> Service:
    """Return the service of a workspace.

    Raises:
        UserFault: a path cannot be written into the manager's file.
    """
    for path in (machine.python, str(layout.root)):
        bad = not_carried(path)
        if bad is not None:
            raise _not_carried(path, bad, manager)
    bad = next((char for char in machine.python if char in IN_PROGRAM), None)
    if bad is not None and isinstance(manager, Systemd):
        raise _not_carried(machine.python, bad, manager)
    # -P: a file in the workspace must not be taken for one of the daemon's modules.
    argv = [machine.python, "-P", "-m", "daemon", "run", "--root", str(layout.root)]
    if as_root and machine.uid == 0:
        argv.append("--as-root")
    return Service(service_name(str(layout.root)), str(layout.root), tuple(argv))


def _not_carried(path: str, bad: str, manager: Manager) -> UserFault:
    return UserFault(
        "path_not_carried",
        f"the path {path!a} holds {bad!a}, which a file of {manager.name} cannot carry: "
        "rename the folder",
    )


def _load(manager: Manager, layout: Layout, changed: bool) -> None:
    """Load the file and start the daemon.

    Raises:
        BusyFault: a daemon that was started in another way runs in the workspace.
        UserFault: the manager is missing, or refused.
    """
    typed = _typed(manager.start_commands())
    state, pid = manager.state(), alive(layout)
    if state.running and not changed:
        echo(f"already running: {state.words}")
        return
    if pid is not None and not state.running:
        raise BusyFault(
            "daemon_runs",
            f"{manager.file} is there, but a daemon that was started in another way runs as "
            f"process {pid}: end it with 'finetuned stop --root {layout.root}', then type: {typed}",
        )
    if state.loaded:
        # A daemon of the earlier file would run on as it was started.
        _unload(manager)
    failed = _run_all(manager.start_commands())
    if failed is not None:
        raise UserFault(
            "not_loaded",
            f"{manager.file} is there, but {manager.name} did not start the daemon ({failed}). "
            f"To do so, type: {typed}",
        )
    echo("the daemon has started, and will start whenever you log in")


def _unload(manager: Manager) -> None:
    """Stop the daemon, and wait for that.

    Raises:
        UserFault: it still runs.
    """
    failed = _run_all(manager.stop_commands())
    if failed is None and not until(lambda: not manager.state().loaded):
        failed = "it has not stopped yet"
    if failed is not None:
        raise UserFault(
            "service_stays",
            f"{manager.name} did not stop the daemon ({failed}); {manager.file} is there. "
            f"To stop it, type: {_typed(manager.stop_commands())}",
        )


def _run_all(commands: list[list[str]]) -> str | None:
    """Run commands one after another; return the error of the first that fails."""
    for argv in commands:
        result = run_command(argv)
        if not result.good:
            return result.text
    return None


def _typed(commands: list[list[str]]) -> str:
    return " && ".join(shlex.join(argv) for argv in commands)
