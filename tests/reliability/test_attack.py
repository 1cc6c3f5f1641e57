"""What is dropped to harm (faults N1, N10, N11, N12, N16, N21, D4): taken or told, never followed.

Invariants I1, I6: nothing lost or doubled, nothing ends the daemon.
"""

from pathlib import Path

import pytest

from daemon.intake.memory import ENFORCED
from tests.end_to_end.workspace import Workspace, chats
from tests.reliability.slow_writers import write_slowly
from tests.reliability.strange_files import GIB, flood, huge, sparse

SEED = 20261121
MIB = 2**20


def test_many_files_of_any_name_at_once_are_taken_beside_all_that_is_no_file(
    tmp_path: Path,
) -> None:
    assert not flood(tmp_path, SEED, 60)


@pytest.mark.skipif(not ENFORCED, reason="the peak of memory is read from /proc")
def test_huge_files_and_lines_are_refused_without_holding_them(tmp_path: Path) -> None:
    assert not huge(tmp_path, 10 * GIB, 512 * MIB)


def test_no_file_is_cut_short_however_slowly_it_is_written(tmp_path: Path) -> None:
    assert not write_slowly(tmp_path, SEED, 40)


@pytest.mark.skipif(not ENFORCED, reason="no limit on memory here")
def test_a_file_that_needs_too_much_memory_is_refused_and_the_next_is_taken(
    tmp_path: Path,
) -> None:
    settings = (
        "[inbox]\nsettle_s = 0.1\nunfinished_s = 0.0\n"
        f"[intake]\npictures = false\nmax_line_bytes = {2**31}\nmax_memory_bytes = {64 * MIB}\n"
    )
    with Workspace(tmp_path / "w", settings=settings) as space:
        sparse(space.layout.inbox / "huge.jsonl", b'{"text": "' + b"a" * 64, 400 * MIB)
        space.start()
        space.wait("the refusal", lambda: space.jobs("failed"))
        assert space.report("failed")["code"] == "too_much_memory"
        space.drop("good.jsonl", chats(12))
        space.wait("the next file", lambda: space.jobs("done"))
        assert not space.told("died")
