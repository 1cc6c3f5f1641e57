"""An intake worker that stays warm for weeks holds no more after many files than after few."""

import gc
import threading
from pathlib import Path

import psutil

from daemon.dedup.index import Index
from daemon.dedup.segments import Segment
from daemon.text.encoder import TextEncoder
from tests.intake.bench import Bench, codes

FEW, MANY = 3, 20
ROWS, SHARED = 12, 4


def take_in(bench: Bench, first: int, last: int) -> None:
    """Take in files that share some rows with the one before; all are seen by the next."""
    for number in range(first, last):
        topics = [f"topic {number * ROWS + row}" for row in range(ROWS + SHARED)]
        report = bench.take_in(
            [{"prompt": f"explain {topic}", "completion": topic} for topic in topics]
        )
        if number:
            assert "duplicate_seen" in codes(report)
        bench.seen.append(bench.place.folder.name)


def held(bench: Bench) -> dict[str, int]:
    """Return what a process may only have so much of."""
    gc.collect()
    found = gc.get_objects()
    return {
        "indexes": sum(isinstance(item, Index) for item in found),
        "segments": sum(isinstance(item, Segment) for item in found),
        "tokenizers": sum(isinstance(item, TextEncoder) for item in found),
        "descriptors": psutil.Process().num_fds(),
        "threads": threading.active_count(),
    }


def test_after_many_files_intake_holds_what_it_held_after_few(tmp_path: Path) -> None:
    """Open descriptors included (fault D3)."""
    bench = Bench(tmp_path / "w")
    take_in(bench, 0, FEW)
    after_few = held(bench)
    take_in(bench, FEW, MANY)
    assert held(bench) == after_few
    assert after_few["indexes"] == 1, "that of the suites is held, no job's"
