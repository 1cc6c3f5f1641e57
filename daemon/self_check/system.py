"""Checks of what a daemon asks of the system: durable writes, file events, heat, counters."""

import statistics
import threading
from pathlib import Path
from time import perf_counter

from daemon.core.records import to_json_value
from daemon.folders.disk import atomic
from daemon.self_check.finding import CheckContext, CheckResult
from daemon.supervisor.gpu import read_gpu
from daemon.supervisor.wakeups import Wakeups, Watcher
from daemon.training.machine.cooling import Look

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


class _Heard(Wakeups):
    """Wake-ups that say whether there was one."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()

    def wake(self) -> None:
        self.heard.set()
        super().wake()


def file_events(place: CheckContext) -> CheckResult:
    """See whether a new file wakes whoever watches its folder."""
    folder = place.folder / "watched"
    folder.mkdir()
    wakeups = _Heard()
    watcher = Watcher((folder,), wakeups)
    watcher.keep()
    try:
        return _woken(folder, watcher.state, wakeups.heard)
    finally:
        watcher.stop()


def _woken(folder: Path, state: str, heard: threading.Event) -> CheckResult:
    if state != "events":
        return CheckResult(
            "said", f"no file events: {state}; the daemon looks by itself, only later"
        )
    # What making the folder itself has set off is not waited for.
    heard.clear()
    began_s = perf_counter()
    (folder / "new.jsonl").write_text("{}\n")
    if not heard.wait(EVENT_S):
        words = f"no event within {EVENT_S:.0f} s; the daemon looks by itself, only later"
        return CheckResult("said", words)
    took_ms = 1000 * (perf_counter() - began_s)
    return CheckResult("ok", f"woken after {took_ms:.1f} ms", {"milliseconds": took_ms})


def heat(_place: CheckContext) -> CheckResult:
    """Say whether it can be known that the machine is slowed by heat."""
    strain = Look(Path("/sys/devices/system/cpu"))()
    if strain.throttled is None:
        why = strain.blind or "this system counts nothing"
        return CheckResult("said", f"it cannot be known whether heat slows this machine: {why}")
    words = "the machine is slowed by heat" if strain.throttled else "not slowed by heat"
    return CheckResult("said", words, {"throttled": strain.throttled})


def gpu_counters(_place: CheckContext) -> CheckResult:
    """Say what the platform counts of the GPU."""
    read = read_gpu()
    if read.reason is not None:
        return CheckResult("said", read.reason)
    busy = "unknown" if read.utilisation is None else f"{read.utilisation:.0%}"
    return CheckResult("said", f"{read.name}, busy {busy}", to_json_value(read))
