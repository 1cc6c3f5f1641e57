"""Samples memory pressure during a worker's life: OOM kills, available memory, address limits."""

import resource
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.clock import Clock
from daemon.system.memory import available_bytes

WINDOW_S = 30.0
"""A count is compared with one at least this old: a killed process takes a while to end."""


@dataclass(frozen=True)
class _Window:
    since_s: float
    kills: int
    """The kernel's count at its start."""
    least: float
    """The lowest share of available memory in it."""


@dataclass(frozen=True)
class Pressure:
    """Signs of memory running out, in the form of `core.deaths.Ending`."""

    oom_kills: int
    least_available: float
    address_limit: bool


class PressureGauge:
    """Samples the machine's memory, one gauge per watched worker."""

    def __init__(self, clock: Clock, proc: Path = Path("/proc")) -> None:
        self._clock = clock
        self._proc = proc
        self._counter = oom_counter(proc)
        self._older = self._newer = self._window()

    def _window(self) -> _Window:
        return _Window(self._clock.monotonic_s(), read_oom_kills(self._counter), _available())

    def sample(self) -> None:
        """Sample once; called at every tick, because a death frees memory at once."""
        least = min(self._newer.least, _available())
        self._newer = replace(self._newer, least=least)
        if self._clock.monotonic_s() - self._newer.since_s >= WINDOW_S:
            self._older, self._newer = self._newer, self._window()

    def read(self) -> Pressure:
        """Return the signs of the last minute at most."""
        return Pressure(
            oom_kills=max(0, read_oom_kills(self._counter) - self._older.kills),
            least_available=min(self._newer.least, self._older.least),
            address_limit=_address_limit(self._proc),
        )


def _available() -> float:
    available, total = available_bytes()
    return available / total


def _address_limit(proc: Path) -> bool:
    """Return whether allocations can fail outright: by a limit of this user, or system-wide."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        return True
    with suppress(OSError):
        return (proc / "sys" / "vm" / "overcommit_memory").read_text().strip() == "2"
    return False


def oom_counter(proc: Path) -> Path | None:
    """Return the file that counts OOM kills: the cgroup's, else the system's.

    None if the kernel is not Linux: a Mac does not count them.
    """
    with suppress(OSError):
        for line in (proc / "self" / "cgroup").read_text().splitlines():
            if line.startswith("0::"):
                # cgroup version 2; its root has no such file.
                events = Path("/sys/fs/cgroup", line[3:].lstrip("/"), "memory.events")
                if events.is_file():
                    return events
    vmstat = proc / "vmstat"
    return vmstat if vmstat.is_file() else None


def read_oom_kills(counter: Path | None) -> int:
    """Return the count; 0 if there is none."""
    if counter is None:
        return 0
    with suppress(OSError, ValueError):
        for line in counter.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0
