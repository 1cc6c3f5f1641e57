"""Whoever reads the status reads the truth of one moment (faults S1, S5, S8, invariant I5)."""

import json
from pathlib import Path

import pytest

from tests.reliability.truth import read_while_it_works, wrong_in

READS = 20_000


def test_twenty_thousand_reads_beside_a_daemon_at_work_are_all_whole_and_in_order(
    tmp_path: Path,
) -> None:
    assert not read_while_it_works(tmp_path, READS)


@pytest.mark.parametrize(
    "data",
    [
        b'{"seq": 1',
        b'{"seq": NaN}\n',
        b'{"seq": 1, "uptime_seconds": 0.5}',
        b'{"seq": 1, "uptime_seconds": 0.5}\n{}\n',
        b'{"seq": 1, "uptime_seconds": -2.0}\n',
        b'{"seq": 1, "uptime_seconds": 0.5, "current_step": 1, "committed_step": 2}\n',
    ],
)
def test_a_reader_sees_what_is_wrong(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(data)
    assert wrong_in(path, 1)
    good = {"seq": 1, "uptime_seconds": 0.5, "current_step": 2, "committed_step": 2}
    path.write_text(json.dumps(good) + "\n")
    assert not wrong_in(path, 2)
