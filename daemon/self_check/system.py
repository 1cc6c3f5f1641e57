"""Checks the system services that the daemon uses: durable writes, file events, heat, counters."""

import statistics
import threading
from pathlib import Path
from time import perf_counter

from daemon.core.records import to_json_value
from daemon.folders.disk import atomic
from daemon.self_check.finding import CheckContext, CheckResult
from daemon.supervisor.gpu import read_gpu
from daemon.supervisor.signals import Wakeups, Watcher
from daemon.training.machine.cooling import StrainReader

WRITES = 5
EVENT_S = 5.0


def durable_writes(place: CheckContext) -> CheckResult:
    """Time how long a write takes until it is on the disk."""
    times = []
    try:
        for number in range(WRITES):
            began_s = perf_counter()
            atomic.write_bytes(place.folder / f"durable-{number}", b"x" * 4096)
            times.append(1000 * (perf_counter() - began_s))
    except OSError as error:
        return CheckResult("wrong", f"a file cannot be written durably: {error.strerror}")
    middle = statistics.median(times)
    return CheckResult("ok", f"a durable write takes {middle:.1f} ms", {"milliseconds": middle})


class _RecordedWakeups(Wakeups):
    """Wake-ups that record whether there was one."""

    def __init__(self) -> None:
        super().__init__()
        self.woken = threading.Event()

    def wake(self) -> None:
        self.woken.set()
        super().wake()


def file_events(place: CheckContext) -> CheckResult:
    """Check whether a new file wakes the watcher of its folder."""
    folder = place.folder / "watched"
    folder.mkdir()
    wakeups = _RecordedWakeups()
    watcher = Watcher((folder,), wakeups)
    watcher.keep()
    try:
        return _woken(folder, watcher.state, wakeups.woken)
    finally:
        watcher.stop()


def _woken(folder: Path, state: str, woken: threading.Event) -> CheckResult:
    if state != "events":
        return CheckResult("said", f"no file events: {state}; the daemon polls, which is slower")
    # Events of creating the folder itself do not count.
    woken.clear()
    began_s = perf_counter()
    (folder / "new.jsonl").write_text("{}\n")
    if not woken.wait(EVENT_S):
        words = f"no event within {EVENT_S:.0f} s; the daemon polls, which is slower"
        return CheckResult("said", words)
    took_ms = 1000 * (perf_counter() - began_s)
    return CheckResult("ok", f"woken after {took_ms:.1f} ms", {"milliseconds": took_ms})


def heat(_place: CheckContext) -> CheckResult:
    """Report whether the machine is throttled by heat, where that can be known."""
    strain = StrainReader(Path("/sys/devices/system/cpu"))()
    if strain.throttled is None:
        why = strain.blind or "the system has no counter for it"
        return CheckResult("said", f"whether heat throttles this machine is unknown: {why}")
    words = "the machine is throttled by heat" if strain.throttled else "not throttled by heat"
    return CheckResult("said", words, {"throttled": strain.throttled})


def gpu_counters(_place: CheckContext) -> CheckResult:
    """Report the platform's GPU counters."""
    read = read_gpu()
    if read.reason is not None:
        return CheckResult("said", read.reason)
    busy = "unknown" if read.utilisation is None else f"{read.utilisation:.0%}"
    return CheckResult("said", f"{read.name}, busy {busy}", to_json_value(read))
