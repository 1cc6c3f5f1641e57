"""Who holds the workspace and who the model: exclusive `flock`s that die with their holder."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from daemon.clock import Clock, SystemClock
from daemon.errors import BusyFault

LOOK_AGAIN_S = 0.2
MOST_LOOKS = 25


@dataclass(frozen=True)
class Holder:
    """The process a lock file names; its start time tells it from a later one with the same id."""

    pid: int
    started_at: float
    note: str = ""
    """What the holder says of itself."""


class Lock:
    """A held lock; the file stays when it is released, only the `flock` goes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)


def acquire(path: Path, note: str = "") -> Lock | None:
    """Take a lock and write this process into it, and a note; None where another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    me = {"pid": os.getpid(), "started_at": psutil.Process().create_time(), "note": note}
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(me).encode() + b"\n", 0)
    except OSError:
        os.close(descriptor)
        raise
    return Lock(descriptor)


def holder(path: Path) -> Holder | None:
    """Return who holds a lock; None where nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(ValueError, KeyError, TypeError):
            named = json.loads(os.pread(descriptor, 4096, 0))
            note = str(named.get("note", ""))
            return Holder(int(named["pid"]), float(named["started_at"]), note)
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
        # Somebody who only looks whether the lock is held has it for an instant, which may be long
        # on a busy machine.
        SystemClock().sleep_s(LOOK_AGAIN_S)
        lock, looks = acquire(path, note), looks + 1
    if lock is None:
        named = holder(path)
        pid = named.pid if named else "unknown"
        raise BusyFault("locked", f"{what} is in use by the process {pid} (lock {path})")
    return lock


@contextmanager
def hold(
    path: Path,
    wait_s: float,
    on_wait: Callable[[Holder | None], None],
    clock: Clock | None = None,
) -> Iterator[None]:
    """Hold a lock, waiting for it up to `wait_s`; `on_wait` is told once who holds it.

    Raises:
        BusyFault: it was not free in time.
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

    Only a process whose start time agrees is ended: its id may have been given to another since.

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
        if abs(process.create_time() - named.started_at) < 0.01:
            process.kill()
            process.wait(5.0)
    except (psutil.Error, OSError) as error:
        raise BusyFault("locked", f"the model is held by process {named.pid}: {error}") from error
    if holder(path) is not None:
        raise BusyFault("locked", f"the model is held by an unknown process (lock {path})")
