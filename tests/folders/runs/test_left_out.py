"""The rows that a run left out, on their way into `rejected.jsonl` of their jobs."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.folders.disk import atomic
from daemon.folders.runs import left_out

A, B = "000001-a", "000002-b"


def line(row: int, **facts: Any) -> dict[str, Any]:
    known = {"run": "r000001", "row": row, "line": row + 1, "code": "not_finite", "raw": "é"}
    return known | facts


def lines_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_bytes().splitlines()]


@pytest.fixture
def rejected(tmp_path: Path) -> Path:
    path = tmp_path / "rejected.jsonl"
    path.write_bytes(b'{"line": 1, "code": "bad_json", "raw": "{\\"run\\": 1"}\n')
    return path


def test_a_list_gives_each_job_its_own_lines(tmp_path: Path) -> None:
    path = tmp_path / left_out.NAME
    left_out.write(tmp_path, [{"job": A, **line(0)}, {"job": B, **line(1)}, {"job": A, **line(2)}])
    assert list(left_out.read(tmp_path, A)) == [line(0), line(2)]
    path.write_bytes(path.read_bytes()[:-20])
    assert list(left_out.read(tmp_path, A)) == [line(0)]
    left_out.write(tmp_path, [])
    assert not path.exists() and list(left_out.read(tmp_path, A)) == []


def test_each_run_and_row_has_one_line_however_often_the_run_ends(rejected: Path) -> None:
    """Lines were compared by their bytes: another word in one, and the row stood there twice."""
    first = lines_in(rejected)
    for _ in range(2):
        left_out.lay_over(rejected, [line(7), line(8)])
    assert lines_in(rejected) == [*first, line(7), line(8)]
    left_out.lay_over(rejected, [line(7, hint="said otherwise")])
    assert lines_in(rejected) == [*first, line(8), line(7, hint="said otherwise")]
    left_out.lay_over(rejected, [line(8, run="r000002")])
    assert lines_in(rejected)[-1] == line(8, run="r000002") and len(lines_in(rejected)) == 4


def test_lines_of_an_earlier_release_are_added_once(rejected: Path) -> None:
    old = [{"line": 7, "code": "not_finite", "raw": "é"}, {"line": 8, "code": "not_finite"}]
    for _ in range(2):
        left_out.lay_over(rejected, old)
    assert lines_in(rejected)[1:] == old


@pytest.mark.parametrize("point", ["replacing.written", "replacing.synced", "replacing.renamed"])
def test_a_crash_leaves_the_old_lines_or_the_new_ones(
    rejected: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(reached: str) -> None:
        if reached == point:
            raise OSError(point)

    monkeypatch.setattr(atomic, "failpoint", crash)
    with pytest.raises(OSError):
        left_out.lay_over(rejected, [line(7)])
    assert len(lines_in(rejected)) in (1, 2)
    monkeypatch.undo()
    left_out.lay_over(rejected, [line(7)])
    assert lines_in(rejected)[1:] == [line(7)]
