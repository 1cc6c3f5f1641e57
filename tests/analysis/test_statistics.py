"""Statistics say what the rows are, in bounded memory."""

import json
import statistics
from itertools import pairwise
from typing import Any

import pytest

from daemon.analysis.histogram import Histogram
from daemon.analysis.shapes import CAPACITY, Frequent, pattern_of
from daemon.analysis.statistics import Statistics
from daemon.core.rows.examples import Chat, Example, Text, Turn
from tests.analysis.reports import smart_home


def record_of(*rows: Example) -> dict[str, object]:
    found = Statistics()
    found.add(rows, [10] * len(rows), [5] * len(rows))
    return json.loads(json.dumps(found.as_record(), allow_nan=False))  # type: ignore[no-any-return]


def answering(answer: str, prompt: str = "Why is it so?") -> Chat:
    return Chat((Turn("user", prompt), Turn("assistant", answer)))


def test_a_percentile_of_a_histogram_is_within_a_forty_fifth() -> None:
    values = [n * n // 7 for n in range(1, 2000)]
    histogram = Histogram()
    for start in range(0, len(values), 100):
        histogram.add(values[start : start + 100])
    record = histogram.as_record()
    assert record["p50"] == pytest.approx(statistics.median(values), rel=1 / 45 + 0.002)
    assert record["max"] == max(values)


def test_the_bins_of_a_histogram_hold_every_value_once_and_do_not_overlap() -> None:
    histogram = Histogram()
    histogram.add([0, 1, 2, 3, 7, 8, 100, 100_000])
    bins: Any = histogram.as_record()["bins"]
    assert sum(item["count"] for item in bins) == 8
    assert all(a["to"] + 1 == b["from"] for a, b in pairwise(bins))


@pytest.mark.parametrize(
    ("answer", "trait"),
    [
        ("It is **very** hot", "bold"),
        ("- one\n- two", "lists"),
        ("First\n1. one", "lists"),
        ("## Title\ntext", "headings"),
        ("use `ls`", "code"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "tables"),
        ("one\n\ntwo", "paragraphs"),
        ('{"a": 1}', "json"),
    ],
)
def test_each_kind_of_formatting_is_counted_and_no_other(answer: str, trait: str) -> None:
    found: dict[str, dict[str, int]] = record_of(answering(answer))["formatting"]  # type: ignore[assignment]
    assert {name for name, counts in found.items() if counts["rows"]} == {trait}


def test_plain_prose_has_no_formatting() -> None:
    found = record_of(answering("2 * 3 - 1 is 5, a_b_c. # not a title, {no json}"))["formatting"]
    assert not any(item["rows"] for item in found.values())  # type: ignore[attr-defined]


def test_labels_are_counted_where_answers_are_short_and_few() -> None:
    rows = [answering("yes")] * 3 + [answering("no")]
    counts = record_of(*rows)["labels"]["counts"]  # type: ignore[index]
    assert counts == [{"text": "yes", "count": 3}, {"text": "no", "count": 1}]


def test_where_answers_are_no_labels_the_record_says_why() -> None:
    labels = record_of(*(answering(str(n)) for n in range(60)))["labels"]
    assert labels == {"counts": None, "longer": 0, "reason": "more than 50 different short answers"}


def test_numbers_and_quotations_are_left_out_of_a_pattern() -> None:
    assert pattern_of('set  "x y" to 3.5 in 12:30') == "set “…” to # in #"


def test_a_frequent_text_survives_any_number_of_rare_ones() -> None:
    counter = Frequent()
    for number in range(5 * CAPACITY):
        counter.add(f"rare {number}")
        if number % 10 == 0:
            counter.add("frequent")
    record = counter.as_record()
    assert record["top"] == [{"text": "frequent", "count": CAPACITY // 2}]
    assert record["exact"] is False
    assert len(counter._counts) < 2 * CAPACITY


def test_control_characters_of_rows_do_not_reach_the_record() -> None:
    rows = [answering("\x1b[31m", "\x1b]0;x\x07 do it")] * 2
    assert "\\u001b" not in json.dumps(record_of(*rows)).replace("\\\\u001b", "")


def test_system_texts_and_plain_texts_are_told_apart() -> None:
    system = Chat((Turn("system", "Be kind"), Turn("user", "Hi"), Turn("assistant", "Hello")))
    record = record_of(system, Text("a story"))
    assert (record["with_system_text"], record["plain_texts"]) == (1, 1)
    assert record["prompt_characters"]["max"] == 2  # type: ignore[index]
    assert record["turns"] == {"2": 1}


def test_batches_of_any_size_give_the_same_statistics() -> None:
    rows = smart_home()
    whole, parts = Statistics(), Statistics()
    whole.add(rows, [7] * len(rows), [3] * len(rows))
    for start in range(0, len(rows), 100):
        part = rows[start : start + 100]
        parts.add(part, [7] * len(part), [3] * len(part))
    assert whole.as_record() == parts.as_record()


def test_no_rows_give_a_record_too() -> None:
    assert record_of()["rows"] == 0
