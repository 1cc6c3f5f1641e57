"""Duplicates, hold-outs and exam rows (fault P20)."""

import json
from pathlib import Path

import pytest

from daemon.core.workspace.untrained import Untrained
from tests.intake.bench import Bench, codes, pair


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_same_example_in_six_formats_is_one_row(bench: Bench) -> None:
    rows = [
        {"prompt": "q", "completion": "a"},
        {"question": " q ", "answer": "a\n"},
        {"instruction": "q", "output": "a"},
        {"input": "q", "output": "a"},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    ]
    report = bench.take_in(rows)
    assert report["rows"]["train"] == 1 and codes(report) == {"duplicate_in_file": 5}
    assert [row["of"]["line"] for row in bench.rows("rejected")] == [1] * 5
    assert sum(report["formats"].values()) == 6


def test_rows_trained_before_are_nothing_new_and_say_where(bench: Bench) -> None:
    """Fault N7."""
    bench.take_in([pair(n) for n in range(5)])
    bench.seen = [bench.place.folder.name]
    report = bench.take_in([pair(n) for n in reversed(range(5))])
    assert report["verdict"] == "nothing_new"
    assert bench.rows("rejected")[0]["of"] == {"job": "000001-t", "line": 5}
    report = bench.take_in([pair(n) for n in range(7)])
    assert report["rows"]["train"] == 2 and codes(report) == {"duplicate_seen": 5}


def test_rows_that_a_run_left_out_are_not_seen_and_come_in_again(bench: Bench) -> None:
    """Rows that were put aside counted as trained: dropped again, they were duplicates for ever."""
    bench.take_in([pair(n) for n in range(5)])
    job = bench.place.folder.name
    bench.seen, bench.untrained = [job], {job: Untrained(frozenset({1}), frozenset({5}))}
    worded = {"prompt": "QUESTION  1", "completion": "answer 1"}
    report = bench.take_in([pair(n) for n in range(5)])
    assert codes(report) == {"duplicate_seen": 3}
    assert [row["line"] for row in bench.rows("train")] == [2, 5]
    assert bench.take_in([worded])["verdict"] == "accepted"
    bench.untrained = {}
    assert bench.take_in([worded])["verdict"] == "nothing_new"


def test_the_same_rows_in_other_bytes_are_nothing_new_and_new_ones_are_trained(
    bench: Bench,
) -> None:
    """Another order, other line ends and a mark at the start; then other content (fault N7)."""
    lines = [json.dumps(pair(n)).encode() for n in range(5)]
    bench.take_in(b"\n".join(lines))
    bench.seen = [bench.place.folder.name]
    twisted = b"\xef\xbb\xbf" + b"\r\n".join(reversed(lines)) + b"\r\n"
    assert bench.take_in(twisted)["verdict"] == "nothing_new"
    assert bench.take_in([pair(n) for n in range(50, 55)])["rows"]["train"] == 5


def test_hold_out_rows_of_another_job_are_never_trained(bench: Bench) -> None:
    bench.take_in([pair(n) for n in range(40)])
    bench.exams = [bench.place.folder.name]
    held = bench.rows("holdout")
    assert len(held) == 4
    report = bench.take_in([pair(n) for n in range(40)])
    assert codes(report) == {"exam_row": 4}


def test_the_split_is_the_same_every_time_and_loses_nothing(tmp_path: Path) -> None:
    rows = [pair(n) for n in range(300)]
    bench, another = Bench(tmp_path / "one"), Bench(tmp_path / "another")
    another.take_in(rows)
    first = {row["line"] for row in another.rows("holdout")}
    bench.take_in(rows)
    assert {row["line"] for row in bench.rows("holdout")} == first
    train = {row["line"] for row in bench.rows("train")}
    assert train | first == set(range(1, 301)) and not train & first
    assert {row["half"] for row in bench.rows("holdout")} == {"tune", "judge"}


def test_answers_to_one_question_and_a_group_fall_on_one_side(bench: Bench) -> None:
    rows = [{"prompt": f"q{n % 20}", "completion": f"a{n}"} for n in range(60)]
    rows += [{"prompt": f"p{n}", "completion": "x", "group": f"g{n % 10}"} for n in range(40)]
    bench.take_in(rows)

    def sides(kind: str) -> set[str]:
        return {row.get("group") or row["messages"][0]["content"] for row in bench.rows(kind)}

    assert bench.rows("holdout") and not sides("train") & sides("holdout")


@pytest.mark.parametrize(("rows", "held"), [(1, 0), (9, 0), (10, 1), (30, 3)])
def test_from_ten_rows_on_at_least_one_is_held_out(bench: Bench, rows: int, held: int) -> None:
    assert bench.take_in([pair(n) for n in range(rows)])["rows"]["holdout"] == held


def test_a_big_file_is_not_wasted_on_its_hold_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "[holdout]\nmax_rows = 7\n")
    assert bench.take_in([pair(n) for n in range(300)])["rows"]["holdout"] == 7


def test_few_hold_out_rows_all_judge(bench: Bench) -> None:
    report = bench.take_in([pair(n) for n in range(100)])
    assert report["rows"]["judge"] == 10 and report["rows"]["tune"] == 0


def test_the_users_own_hold_out_is_used_and_never_trained(bench: Bench) -> None:
    report = bench.take_in([pair(n) for n in range(30)], holdout=[pair(3), pair(99)])
    assert report["rows"]["train"] == 29 and report["rows"]["holdout"] == 2
    assert codes(report) == {"exam_row": 1} and report["own_holdout"]
