"""Takes a large array in, and a large packed file that is killed on the way; measures memory.

    python -m benchmarks.large_files [--array-mib 2048] [--packed-mib 300] [--kills 5]

Files are made in a temporary folder and removed. Each is read by `python -m daemon.intake` in a
process of its own, as the daemon does it; the base model is a tiny tokenizer. Memory is the most
that the process had resident, beside that of one that reads a file of one row.
"""

import argparse
import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.folders.disk import atomic
from daemon.layout import Layout
from daemon.settings import Settings
from tests.text.tiny_tokenizer import CHATML, write_tokenizer

MIB = 2**20
ROW_BYTES = 40_000
"""Of which most is blanks: reading is measured, not the tokenizer."""
WRITTEN = ("train.jsonl", "holdout.jsonl", "rejected.jsonl", "families.npy")
TAKE_IN = """
import sys
from pathlib import Path
from daemon.clock import SystemClock
from daemon.dedup.family_index import JobFamilies
from daemon.dedup.suites import Suites
from daemon.intake.taking import Taking
from daemon.folders.disk import atomic
from daemon.layout import Layout
from daemon.text.encoder import TextEncoder

layout = Layout(Path(sys.argv[1]))
Taking(
    layout,
    layout.job("incoming", sys.argv[2]),
    TextEncoder.load(layout.base("tiny")),
    Suites(layout.evals),
    JobFamilies(layout, merge=True, clock=SystemClock()),
    SystemClock(),
    lambda rows: None,
).take_in()
"""


@dataclass(frozen=True)
class Taken:
    """How a file was taken in."""

    seconds: float
    resident_mib: float
    status: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--array-mib", type=int, default=2048)
    parser.add_argument("--packed-mib", type=int, default=300)
    parser.add_argument("--kills", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        layout.base("tiny").mkdir(parents=True)
        write_tokenizer(layout.base("tiny"), CHATML, eos="<|im_end|>")
        small = take_in(job(layout, "small", "a.jsonl", rows(1)))
        print(f"one row: {small.resident_mib:.0f} MiB resident")
        array(layout, asked.array_mib, small)
        packed(layout, asked.packed_mib, asked.kills)


def array(layout: Layout, mib: int, small: Taken) -> None:
    """Take one JSON array in that is read as it is unpacked."""
    if not mib:
        return
    place = job(layout, "array", "a.json", as_array(rows(mib)))
    size = (place / "original.json").stat().st_size / MIB
    found = take_in(place)
    print(
        f"an array of {size:.0f} MiB: {found.seconds:.0f} s, {found.resident_mib:.0f} MiB "
        f"resident, {found.resident_mib - small.resident_mib:.0f} more than one row"
    )
    remove(place)


def packed(layout: Layout, mib: int, kills: int) -> None:
    """Kill the reading of a packed file at several points; what comes out must be the same."""
    if not mib:
        return
    text = b"".join(rows(mib))
    data = gzip.compress(text, 1)
    place = job(layout, "packed", "a.jsonl.gz", [data])
    whole = take_in(place)
    print(f"a .gz of {len(text) / MIB:.0f} MiB of text: {whole.seconds:.1f} s")
    wanted = outcome(place)
    remove(place)
    place = job(layout, "packed", "a.jsonl.gz", [data])
    for number in range(kills):
        killed = take_in(place, int(len(text) * (number + 0.5) / kills))
        left = scratch(place)
        print(f"  killed ({killed.status}) with {size_of(left) / MIB:.0f} MiB of scratch")
        # As the daemon does before the file is read again.
        for path in left:
            path.unlink()
    take_in(place)
    print("  then the same as undisturbed:", outcome(place) == wanted and not scratch(place))


def scratch(place: Path) -> list[Path]:
    """Return what a job's directory has of half-done work."""
    return [path for path in place.iterdir() if path.name.startswith(atomic.PREFIX)]


def size_of(paths: list[Path]) -> int:
    """Return the bytes of files that may go meanwhile."""
    found = 0
    for path in paths:
        with suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def rows(mib: int) -> Iterator[bytes]:
    """Give lines of rows that are so long in all."""
    rng = random.Random(1)
    for number in range(max(1, mib * MIB // ROW_BYTES)):
        row = {"prompt": f"What is {number}, {rng.random()}?", "completion": f"It is {number}."}
        yield (json.dumps(row)[:-1] + " " * (ROW_BYTES - 90) + "}\n").encode()


def as_array(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Give the text of an array of these rows."""
    before = b"["
    for line in lines:
        yield before + line
        before = b","
    yield b"]"


def job(layout: Layout, name: str, file: str, content: Iterator[bytes] | list[bytes]) -> Path:
    """Make a job with a file."""
    place = layout.job("incoming", f"000001-{name}")
    place.folder.mkdir(parents=True)
    with place.named_as("main", file).open("wb") as target:
        target.writelines(content)
    settings = Settings().model_dump(mode="json")
    settings["intake"] |= {"pictures": False, "max_unpacked_ratio": 100_000}
    context = {
        "base": {"name": "tiny"},
        "seen_jobs": [],
        "untrained_rows": {},
        "holdout_jobs": [],
        "settings": settings,
    }
    (place.folder / "context.json").write_text(json.dumps(context))
    place.job_file.write_text("{}")
    return place.folder


def take_in(place: Path, kill_at_bytes: int | None = None) -> Taken:
    """Take a job in in a process of its own; end that with SIGKILL once it has written so much."""
    began_s = time.monotonic()
    command = [sys.executable, "-c", TAKE_IN, str(place.parents[2]), place.name]
    process = subprocess.Popen(command)
    if kill_at_bytes is not None:
        while size_of(scratch(place)) < kill_at_bytes:
            threading.Event().wait(0.001)
        process.send_signal(signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Taken(time.monotonic() - began_s, resident_mib(usage), process.returncode)


def resident_mib(usage: resource.struct_rusage) -> float:
    """Return the most memory that a process had; Linux counts it in KiB, macOS in bytes."""
    return usage.ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


def outcome(place: Path) -> list[bytes]:
    """Return what was written of a job's rows."""
    return [(place / name).read_bytes() for name in WRITTEN]


def remove(place: Path) -> None:
    """Make room again, and have no other job know its families."""
    atomic.remove_directory(place)


if __name__ == "__main__":
    main()
