"""Checks that a daemon stopped in the middle of a long step is gone within 8 s."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.clock import SystemClock
from daemon.folders.status.reading import read_status
from daemon.layout import Layout
from daemon.self_check.base import folder_of
from daemon.self_check.finding import CheckContext, CheckResult
from daemon.self_check.tiny import write_base

MOST_S = 8.0
BEGIN_S = 150.0
"""Time limit until the first step: reading the file and loading the base come first."""

INTO_STEP_S = 2.0
POLL_S = 0.05
ROWS, WORDS, EPOCHS = 64, 120, 100
"""The file it trains on: all rows in one step, and enough steps to last."""

DAEMON = (sys.executable, "-P", "-m", "daemon")


def stops_in_time(place: CheckContext) -> CheckResult:
    """Drop a file into a new workspace, wait for its first step, and stop the daemon."""
    base = folder_of(place) or write_base(place.folder / "stop-base")
    layout = Layout(place.folder / "stop")
    subprocess.run([*DAEMON, "init", str(layout.root)], check=True, capture_output=True)
    # The row layout is given, or the run would begin by measuring it.
    layout.settings_file.write_text(
        f'model = "{base}"\n[training]\nbatch_rows = {ROWS}\nepochs = {EPOCHS}\n'
        'row_tokens = 256\npass_tokens = 256\nrow_layout = "packed"\n'
        "[holdout]\nshare = 0.0\n[evaluation]\nsamples = 0\n",
        encoding="utf-8",
    )
    _write_rows(layout.inbox / "check.jsonl")
    argv = [*DAEMON, "run", "--quiet", "--root", str(layout.root)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as daemon:
        try:
            return _stopped(layout, daemon)
        finally:
            daemon.kill()


def _stopped(layout: Layout, daemon: subprocess.Popen[bytes]) -> CheckResult:
    if not _until(lambda: _happened(layout, "run_begun") or daemon.poll() is not None, BEGIN_S):
        return CheckResult(
            "left out", f"no step had begun after {BEGIN_S:.0f} s: {_message(layout)}"
        )
    clock = SystemClock()
    clock.sleep_s(INTO_STEP_S)
    began_s = clock.monotonic_s()
    (layout.control / "stop").touch()
    if not _until(lambda: daemon.poll() is not None, 2 * MOST_S):
        return CheckResult(
            "wrong", f"the daemon still runs {2 * MOST_S:.0f} s after the stop was requested"
        )
    took_s = clock.monotonic_s() - began_s
    words = f"the daemon was gone {took_s:.1f} s after a stop was requested during training"
    well = took_s <= MOST_S and daemon.returncode == 0
    ended = "" if daemon.returncode == 0 else f", with status {daemon.returncode}"
    if _happened(layout, "died"):
        ended += ", and its trainer was killed: the steps since the last commit are lost"
    return CheckResult("ok" if well else "wrong", words + ended, {"stop_s": took_s})


def _until(holds: Callable[[], bool], most_s: float) -> bool:
    clock = SystemClock()
    until_s = clock.monotonic_s() + most_s
    while not holds():
        if clock.monotonic_s() > until_s:
            return False
        clock.sleep_s(POLL_S)
    return True


def _happened(layout: Layout, event: str) -> bool:
    with suppress(OSError):
        return f'"event": "{event}"' in layout.events_file.read_text(encoding="utf-8")
    return False


def _message(layout: Layout) -> str:
    return str((read_status(layout) or {}).get("message", "there is no status"))


def _write_rows(path: Path) -> None:
    draw = random.Random(7)
    lines = (
        json.dumps({"question": _words(draw, 8), "answer": _words(draw, WORDS)})
        for _ in range(ROWS)
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _words(draw: random.Random, count: int) -> str:
    letters: Sequence[str] = "abcdefghijklmnopqrstuvwxyz"
    return " ".join("".join(draw.choices(letters, k=4)) for _ in range(count))
