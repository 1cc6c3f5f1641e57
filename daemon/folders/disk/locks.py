"""Locks on the workspace and the model: exclusive `flock`s that end with their process."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from daemon.clock import Clock, SystemClock
from daemon.errors import BusyFault

LOOK_AGAIN_S = 0.2
MOST_LOOKS = 25

STARTED_FIELD = 19
"""Field of `/proc/<pid>/stat` after the process's name, proc(5): `starttime`."""


@dataclass(frozen=True)
class Holder:
    """The process named in a lock file; its start time rules out a later one with the same id."""

    pid: int
    started_at: float
    """Seconds since 1970 by the wall clock of that time, which may have been set since."""
    note: str = ""
    """The holder's note."""
    started_ticks: int | None = None
    """By the kernel's own clock, which cannot be set; None if it is unavailable."""


class Lock:
    """A held lock; when it is released, the file stays and only the `flock` ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)


def acquire(path: Path, note: str = "") -> Lock | None:
    """Take a lock and write this process and a note into it; None if another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    me = {
        "pid": os.getpid(),
        "started_at": psutil.Process().create_time(),
        "note": note,
        "started_ticks": _started_ticks(os.getpid()),
    }
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(me).encode() + b"\n", 0)
    except OSError:
        os.close(descriptor)
        raise
    return Lock(descriptor)


def holder(path: Path) -> Holder | None:
    """Return the holder of a lock; None if it is free."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(ValueError, KeyError, TypeError):
            named = json.loads(os.pread(descriptor, 4096, 0))
            note, ticks = str(named.get("note", "")), named.get("started_ticks")
            return Holder(int(named["pid"]), float(named["started_at"]), note, ticks)
        return Holder(0, 0.0)
    finally:
        os.close(descriptor)
    return None


def acquire_or_explain(path: Path, what: str, note: str = "") -> Lock:
    """Take a lock and write a note into it.

    Raises:
        BusyFault: another process holds it; the message names it.
    """
    lock, looks = acquire(path, note), 0
    while lock is None and looks < MOST_LOOKS and (looks == 0 or holder(path) is None):
        # A process that only checks the lock holds it for an instant, which may be long on a busy
        # machine.
        SystemClock().sleep_s(LOOK_AGAIN_S)
        lock, looks = acquire(path, note), looks + 1
    if lock is None:
        named = holder(path)
        pid = named.pid if named else "unknown"
        raise BusyFault("locked", f"{what} is in use by process {pid} (lock {path})")
    return lock


@contextmanager
def hold(
    path: Path,
    wait_s: float,
    on_wait: Callable[[Holder | None], None],
    clock: Clock | None = None,
) -> Iterator[None]:
    """Hold a lock, waiting for it up to `wait_s`; `on_wait` is called once with its holder.

    Raises:
        BusyFault: it did not become free in time.
    """
    clock = clock or SystemClock()
    until_s = clock.monotonic_s() + wait_s
    lock = acquire(path)
    if lock is None:
        on_wait(holder(path))
    while lock is None:
        if clock.monotonic_s() >= until_s:
            raise BusyFault("locked", f"the model is still in use after {wait_s:.0f} s ({path})")
        clock.sleep_s(LOOK_AGAIN_S)
        lock = acquire(path)
    try:
        yield
    finally:
        lock.release()


def end_holder(path: Path, wait_s: float, clock: Clock) -> None:
    """Wait for a lock to become free; after `wait_s`, end the process named in it.

    Only a process with the same start time is ended: its id may have been reused since.

    Raises:
        BusyFault: the lock is held by a process that cannot be identified.
    """
    until_s = clock.monotonic_s() + wait_s
    while (named := holder(path)) is not None and clock.monotonic_s() < until_s:
        clock.sleep_s(LOOK_AGAIN_S)
    if named is None:
        return
    try:
        process = psutil.Process(named.pid)
        if _is_the_same(process, named):
            process.kill()
            process.wait(5.0)
    except (psutil.Error, OSError) as error:
        raise BusyFault("locked", f"the model is held by process {named.pid}: {error}") from error
    if holder(path) is not None:
        raise BusyFault("locked", f"the model is held by an unknown process (lock {path})")


def _is_the_same(process: psutil.Process, named: Holder) -> bool:
    """Return whether a process is the one named in a lock, not a later one with its id."""
    if named.started_ticks is not None:
        return _started_ticks(process.pid) == named.started_ticks
    started_at: float = process.create_time()
    return abs(started_at - named.started_at) < 0.01


def _started_ticks(pid: int) -> int | None:
    """Return the start of a process in ticks since boot; None if it is unavailable."""
    # The name in the second field may contain spaces and brackets.
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[STARTED_FIELD])
    return None
