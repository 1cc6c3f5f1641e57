"""Hostile files through intake (faults P1 to P5, P8, P16), none without an answer.

Each by itself: P9, P12, P14, invariant I6.
"""

from pathlib import Path

import pytest

from tests.intake.bench import Bench
from tests.reliability import fuzz

SEED, FILES = 20261121, 2_000


@pytest.mark.timeout(400)
def test_hostile_files_are_all_answered_line_by_line(tmp_path: Path) -> None:
    assert not fuzz.survives(tmp_path, SEED, FILES)


def test_a_line_without_an_answer_is_seen(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    data = b'{"text": "t"}\n{"text": \n'
    report = bench.take_in(data)
    assert not fuzz.unanswered(bench, data, report)
    bench.place.rejected.write_bytes(b"")
    assert fuzz.unanswered(bench, data, report)


def test_a_file_that_hangs_is_seen() -> None:
    with pytest.raises(TimeoutError), fuzz.within(0.01):
        while True:
            pass
