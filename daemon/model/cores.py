"""Counts the CPU cores that other processes leave free.

OpenBLAS splits a product into equal parts and waits for the last: a thread whose core is busy with
another process delays all of them. Measured on two cores: beside one busy process two threads do
98 to 115 GFLOP/s and one 177 to 192; beside two, 46 and 89; alone, 358 and 186. A step of
SmolLM2-135M beside one busy process: 88 tokens/s with two threads, 161 with one.
"""

import os
import time
from collections.abc import Callable

import psutil

from daemon.model import blas

FIRST_S, EVERY_S = 0.5, 2.0
"""Seconds over which the load of other processes is measured: at first, and from then on."""

Usage = tuple[float, float, float]
"""Seconds: now, of all cores' work since boot, and of this process's."""


def threads_for(cores: int, most: int, before: Usage, now: Usage) -> int:
    """Return how many threads to use, from two measurements of the load."""
    seconds = max(1e-9, now[0] - before[0])
    others = max(0.0, (now[1] - before[1]) - (now[2] - before[2])) / seconds
    return max(1, min(most, round(cores - others)))


def usage() -> Usage:
    """Return the current measurement."""
    whole = psutil.cpu_times()
    idle = whole.idle + getattr(whole, "iowait", 0.0)
    # Linux counts a guest's time in user's too.
    counted = sum(whole) - getattr(whole, "guest", 0.0) - getattr(whole, "guest_nice", 0.0)
    return time.monotonic(), counted - idle, time.process_time()


class Cores:
    """The cores this process may use."""

    def __init__(self, read_usage: Callable[[], Usage] = usage) -> None:
        self._read_usage = read_usage
        self.most = blas.most_threads() or 1
        """The most it could use, by the BLAS's count at the start; 1 without a BLAS."""
        self._free = self.most
        self._before = read_usage()
        self._wait_s = FIRST_S

    def free(self) -> int:
        """Return how many cores others leave free; measured at most every few seconds."""
        if self.most > 1 and time.monotonic() - self._before[0] >= self._wait_s:
            now = self._read_usage()
            self._wait_s = EVERY_S
            self._free = threads_for(os.cpu_count() or self.most, self.most, self._before, now)
            self._before = now
        return self._free
