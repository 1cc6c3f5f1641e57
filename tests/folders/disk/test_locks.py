"""One holder at a time, whatever dies (fault Q4)."""

import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.errors import BusyFault
from daemon.folders.disk import locks
from tests.clocks import StillClock

HOLD = """
import sys
from pathlib import Path
from daemon.folders.disk import locks
lock = locks.acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_told_who_holds_it_and_a_killed_one_holds_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        with pytest.raises(BusyFault, match=str(other.pid)):
            locks.acquire_or_explain(path, "the workspace")
        other.kill()
        other.wait()
    assert locks.holder(path) is None
    lock = locks.acquire(path)
    assert lock is not None
    lock.release()


def test_a_holder_that_outlives_its_daemon_is_ended(tmp_path: Path) -> None:
    """Fault Q8."""
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        locks.end_holder(path, 1.0, StillClock())
        assert locks.holder(path) is None


def test_a_lock_that_somebody_only_looks_at_for_long_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine a dashboard that looks may be put aside in the middle of it."""
    path = tmp_path / ".lock"
    path.touch()
    looker, waits = path.open(), []
    fcntl.flock(looker, fcntl.LOCK_SH)

    class Waited(StillClock):
        def sleep_s(self, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 4:
                looker.close()

    monkeypatch.setattr(locks, "SystemClock", Waited)
    locks.acquire_or_explain(path, "the workspace").release()
    assert len(waits) == 4


def test_a_step_of_the_clock_does_not_hide_who_holds_a_lock(tmp_path: Path) -> None:
    """Fault Q8: an NTP step moved the start that was reckoned, and the holder was unknown."""
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        record = json.loads(path.read_bytes())
        path.write_text(json.dumps(record | {"started_at": record["started_at"] - 1.5}))
        locks.end_holder(path, 1.0, StillClock())
        assert locks.holder(path) is None


@pytest.mark.parametrize("lie", [{"started_ticks": 1}, {"started_ticks": None, "started_at": 1.0}])
def test_a_process_that_only_has_the_id_of_the_holder_is_not_ended(
    tmp_path: Path, lie: dict[str, float | None]
) -> None:
    """Fault Q8: the lock of an earlier version has no ticks."""
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        path.write_text(json.dumps(json.loads(path.read_bytes()) | lie))
        with pytest.raises(BusyFault, match="unknown process"):
            locks.end_holder(path, 1.0, StillClock())
        assert other.poll() is None
        other.kill()
