"""`demo`: trains a small real file from end to end in a workspace of its own."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

import daemon
from daemon.cli.commands.run import make_workspace
from daemon.cli.commands.submit import drop, report_of
from daemon.cli.files.follow import Followed, Follower
from daemon.cli.output.demo_result import show_result
from daemon.cli.output.screen import echo, echo_error
from daemon.cli.place import JobFailed, alive
from daemon.clock import SystemClock
from daemon.errors import Fault, UserFault
from daemon.layout import Layout

EXAMPLE = "smart_home.jsonl"
OWN = """\
[training]
epochs = 1
learning_rate = 1e-3
[evaluation]
max_new_tokens = 48
judge_samples = 24
"""
"""Settings for a short demo: one epoch over similar rows, at a higher learning rate."""
START_WAIT_S = 60.0
LEAVE_WAIT_S = 20.0


class DemoFailed(Fault):
    """The daemon did not start."""


def demo(
    root: Annotated[
        Path | None,
        typer.Option(
            help="Where to create the workspace; default: a temporary folder.", metavar="DIR"
        ),
    ] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Use the stand-in trainer: no model is needed.")
    ] = False,
) -> None:
    """Train on a small real file from end to end: a few minutes on two cores."""
    clock = SystemClock()
    began_s = clock.monotonic_s()
    example = find_example(EXAMPLE)
    layout = Layout((root or Path(tempfile.mkdtemp(prefix="finetuned-demo-"))).resolve())
    make_workspace(layout)
    echo(f"The workspace is {layout.root}; 'finetuned status --root {layout.root}' shows it too.")
    with _daemon(layout, rehearse):
        followed = _train(layout, example)
    version = _checked(layout, followed)
    show_result(layout, version)
    echo(f"The whole demo took {clock.monotonic_s() - began_s:.0f} s.", "dim")


def find_example(name: str) -> Path:
    """Return an example shipped with a checkout or an installed package.

    Raises:
        UserFault: neither has it.
    """
    package = Path(daemon.__file__).parent
    for folder in (package / "_shipped" / "examples", package.parent / "examples"):
        if (folder / name).is_file():
            return folder / name
    raise UserFault("no_example", f"{name} is missing from this installation of finetuned")


@contextmanager
def _daemon(layout: Layout, rehearse: bool) -> Iterator[None]:
    """Run the daemon as a separate process, and stop it whatever happens."""
    argv = [sys.executable, "-P", "-m", "daemon", "run", "--root", str(layout.root)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*argv, *(["--rehearse"] if rehearse else [])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            _until_up(layout, process, output)
            yield
        finally:
            process.terminate()
            try:
                process.wait(LEAVE_WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until_up(layout: Layout, process: "subprocess.Popen[bytes]", output: IO[bytes]) -> None:
    clock = SystemClock()
    until_s = clock.monotonic_s() + START_WAIT_S
    while alive(layout) is None or not layout.status_file.exists():
        if process.poll() is not None or clock.monotonic_s() > until_s:
            output.seek(0)
            tail = output.read().decode("utf-8", "replace").strip()[-2000:]
            raise DemoFailed("no_daemon", f"the daemon did not start:\n{tail}")
        clock.sleep_s(0.1)


def _train(layout: Layout, example: Path) -> Followed:
    follower = Follower(layout, SystemClock())
    followed = drop(layout, example, "normal", {}, OWN)
    follower.files.append(followed)
    echo(f"Dropped {example.name} into inbox/; the model is prepared, then trained.")
    follower.until_ended()
    return followed


def _checked(layout: Layout, followed: Followed) -> str:
    for sentence in report_of(layout, followed):
        echo(f"  {sentence}")
    if followed.version is None:
        echo_error(f"see {layout.log_file}")
        raise JobFailed("job_failed", followed.message)
    return followed.version
