"""The worker as a process of its own, as the supervisor starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.messages import Order, Report, decode_report, encode
from daemon.errors import ExitCode
from daemon.pipes import Pipe
from daemon.training.engine.stub import RehearsalEngine
from tests.training.workspace import Workspace, chats, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "w", RehearsalEngine(SystemClock(), 0.0))


def start(root: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "daemon.training", "--root", str(root), "--rehearse"]
    return subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def tell(process: subprocess.Popen[bytes], order: Order) -> None:
    assert process.stdin is not None
    process.stdin.write(encode(order))
    process.stdin.flush()


def reports(process: subprocess.Popen[bytes]) -> Iterator[Report]:
    assert process.stdout is not None
    return (decode_report(line) for line in process.stdout)


def test_a_trainer_prepares_trains_and_ends_with_its_stdin(workspace: Workspace) -> None:
    """Fault Q8."""
    workspace.add_job("000001-sums", chats(8))
    workspace.ask_run("r000001", ["000001-sums"])
    with start(workspace.layout.root) as process:
        said = reports(process)
        assert isinstance(next(said), say.Ready)
        tell(process, say.Prepare("other"))
        assert isinstance(next(said), say.Prepared)
        tell(process, say.Train("r000001"))
        kinds = [type(report).__name__ for report in _until(said, say.CandidateReady)]
        assert kinds.count("Stepped") == 4
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == ExitCode.OK


def test_a_trainer_that_has_no_room_for_its_lock_says_so(workspace: Workspace) -> None:
    """Fault D1: it is no crash of the run, and not tried again before there is room."""
    argv = [sys.executable, "-m", "daemon.training", "--root", str(workspace.layout.root)]
    full = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
    full += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    done = subprocess.run(
        [sys.executable, "-c", full, *argv[1:], "--rehearse"], input=b"", capture_output=True
    )
    assert done.returncode == ExitCode.DISK_FULL, done.stderr
    assert b"Traceback" not in done.stderr


def _until(said: Iterator[Report], last: type[Report]) -> Iterator[Report]:
    for report in said:
        yield report
        if isinstance(report, last):
            return


def test_a_second_trainer_finds_the_model_in_use(workspace: Workspace) -> None:
    """Faults Q4, Q8."""
    with start(workspace.layout.root) as first:
        assert isinstance(next(reports(first)), say.Ready)
        with start(workspace.layout.root) as second:
            _, words = second.communicate(timeout=20)
            assert second.returncode == ExitCode.BUSY
            assert str(first.pid).encode() in words
        tell(first, say.Stop())
        assert first.wait(20) == ExitCode.OK


def test_orders_come_in_turn_and_a_line_that_is_none_is_passed_over() -> None:
    reading, writing = os.pipe()
    os.write(writing, encode(say.Pause()) + b"nonsense\n" + encode(say.Resume()))
    os.close(writing)
    pipe = Pipe(reading, writing)
    assert list(pipe.orders()) == [say.Pause(), say.Resume()]
    assert pipe.closed
    os.close(reading)


def test_a_supervisor_that_is_gone_shows_when_something_is_sent() -> None:
    """Fault Q8."""
    reading, writing = os.pipe()
    os.close(reading)
    source = os.open(os.devnull, os.O_RDONLY)
    pipe = Pipe(source, writing)
    pipe.send(say.Alive("still here"))
    assert pipe.closed
    os.close(writing)
