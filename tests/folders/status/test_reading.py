"""Following a file of lines: from where, over rotation, and past what is torn."""

from pathlib import Path

import pytest

from daemon.folders.status.reading import Lines


def lines(*numbers: int) -> str:
    return "".join(f'{{"n": {number}}}\n' for number in numbers)


def numbers(following: Lines) -> list[object]:
    return [record["n"] for record in following.new()]


@pytest.mark.parametrize(
    ("back_bytes", "known"),
    [
        (0, []),
        (1, []),
        (9, [3]),
        (10, [3]),
        (17, [3]),
        (18, [2, 3]),
        (27, [1, 2, 3]),
        (9999, [1, 2, 3]),
    ],
)
def test_it_begins_at_a_line_so_far_before_the_end(
    tmp_path: Path, back_bytes: int, known: list[int]
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(lines(1, 2, 3))
    following = Lines(path, back_bytes)
    with path.open("a") as file:
        file.write(lines(4))
    assert numbers(following) == [*known, 4]
    assert numbers(following) == []


def test_a_torn_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"n": 1}\n{"n"')
    following = Lines(path, 99)
    assert numbers(following) == [1]
    with path.open("a") as file:
        file.write(": 2}\n")
    assert numbers(following) == [2]


def test_nothing_is_missed_when_the_file_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(lines(1))
    following = Lines(path, 99)
    assert numbers(following) == [1]
    with path.open("a") as file:
        file.write(lines(2))
    path.rename(tmp_path / "x.jsonl.1")
    path.write_text(lines(3))
    assert numbers(following) == [2, 3]


def test_what_is_no_object_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(f"{lines(1)}torn\n[2]\n{'[' * 100_000}\n{lines(3)}")
    assert numbers(Lines(path, 10**6)) == [1, 3]


def test_a_file_that_is_not_there_yet_is_read_when_it_comes(tmp_path: Path) -> None:
    following = Lines(tmp_path / "x.jsonl", 99)
    assert numbers(following) == []
    (tmp_path / "x.jsonl").write_text(lines(1))
    assert numbers(following) == [1]
