"""Writers that stall at random, always shorter than a file has to lie still: none is cut short."""

import json
import random
import threading
import time
from collections import defaultdict
from pathlib import Path

from tests.end_to_end.workspace import Workspace

SETTLE_S = 1.0
LONGEST_STALL_S = 0.5
SURE_S = 0.9
"""A writer that a busy machine held up for longer than this proves nothing."""

SETTINGS = f"[inbox]\nsettle_s = {SETTLE_S}\n"


def write_slowly(root: Path, seed: int, writers: int) -> list[str]:
    """Have so many files written at once in pieces; return which of them were taken too early."""
    with Workspace(root / "w", settings=SETTINGS) as space:
        space.touch("pause")
        space.start()
        space.wait("the daemon", lambda: space.told("started"))
        made = [Writer(space.layout.inbox / f"{n}.jsonl", seed + n) for n in range(writers)]
        threads = [threading.Thread(target=writer.write) for writer in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        space.wait("all files", lambda: len(space.jobs("normal")) >= writers, 0.2 * writers)
        found = sizes_read(space)
        good = [writer for writer in made if writer.longest_s < SURE_S]
        short = [writer for writer in good if found[writer.name] != [len(writer.data)]]
        told = [f"{w.name}: {found[w.name]} of {len(w.data)} bytes were read" for w in short]
        if len(good) < writers / 2:
            told.append(f"the machine held {writers - len(good)} of {writers} writers up")
        return told


def sizes_read(space: Workspace) -> dict[str, list[int]]:
    """Return by the name of each file how many bytes of it intake has read, for each of its jobs.

    What is written to a file that was taken too early still lands in the job's original.
    """
    found = defaultdict(list)
    for path in space.layout.queue.glob("*/*/report.json"):
        report = json.loads(path.read_bytes())
        found[report["name"]].append(report["source"]["size"])
    return found


class Writer:
    """One file, written in pieces that end anywhere."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._draw = random.Random(seed)
        self.name = path.name
        rows = [{"text": f"{path.name} row {n}"} for n in range(self._draw.randint(20, 200))]
        self.data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
        self.longest_s = 0.0
        """The longest time between two of its writes."""

    def write(self) -> None:
        """Write all of it, with a stall after each piece."""
        cuts = sorted(self._draw.sample(range(1, len(self.data)), self._draw.randint(3, 8)))
        with self._path.open("wb", buffering=0) as file:
            before_s = time.monotonic()
            for begin, end in zip([0, *cuts], [*cuts, len(self.data)], strict=True):
                file.write(self.data[begin:end])
                now_s = time.monotonic()
                self.longest_s = max(self.longest_s, now_s - before_s)
                before_s = now_s
                if end < len(self.data):
                    threading.Event().wait(self._draw.uniform(0.0, LONGEST_STALL_S))
