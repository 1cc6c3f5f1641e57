"""Many small files through one daemon: does it grow? Knows nothing of what they hold."""

import sys
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from tests.end_to_end.workspace import Workspace, chats

SETTINGS = (
    "[inbox]\nsettle_s = 0.0\nrescan_s = 0.1\n"
    "[run]\ngather_rows = 8\nloss_curve = false\n[training]\nepochs = 1\nbatch_rows = 8\n"
    "[evaluation]\neval_every = 0\njudge_samples = 0\n"
)
ROWS = 4
ALLOWED = 1.05
"""Growth of the supervisor's resident memory after the warm-up."""

LOOKS, LOOK_S = 10, 0.03
AT_ONCE = 25
"""Files that wait at most: a directory of thousands is another trial."""


@dataclass(frozen=True)
class Size:
    """The supervisor as the system sees it."""

    rss_bytes: int
    descriptors: int
    threads: int


def grow(root: Path, warm_up: int, files: int) -> list[str]:
    """Return how the supervisor has grown between `warm_up` and `files` files."""
    with Workspace(root / "w", settings=SETTINGS) as space:
        space.start("--quiet")
        before = _after(space, 0, warm_up)
        after = _after(space, warm_up, files)
        code = space.terminate()
    sys.stdout.write(f"{warm_up} files: {before}\n{files} files: {after}\n")
    found = [] if code == 0 else [f"exit status {code}"]
    if after.descriptors > before.descriptors or after.threads > before.threads:
        found.append(f"descriptors or threads grow: {before}, then {after}")
    if after.rss_bytes > before.rss_bytes * ALLOWED:
        found.append(f"memory grows: {before}, then {after}")
    return found


def _are_done(space: Workspace, files: int) -> bool:
    return len(space.jobs("done")) >= files


def _after(space: Workspace, first: int, last: int) -> Size:
    for begin in range(first, last, AT_ONCE):
        end = min(begin + AT_ONCE, last)
        for number in range(begin, end):
            space.drop(f"f{number}.jsonl", chats(ROWS, start=number * ROWS))
        space.wait(f"file {end}", partial(_are_done, space, end))
    space.wait("an idle daemon", lambda: space.status().get("status") == "idle")
    process = psutil.Process(space.pid)
    # A tick has files open for an instant: what stays open is seen at each look.
    looks = [_size(process) for _ in range(LOOKS)]
    return Size(
        looks[-1].rss_bytes,
        min(look.descriptors for look in looks),
        min(look.threads for look in looks),
    )


def _size(process: psutil.Process) -> Size:
    threading.Event().wait(LOOK_S)
    return Size(process.memory_info().rss, process.num_fds(), process.num_threads())
