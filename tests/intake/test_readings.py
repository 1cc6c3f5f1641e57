"""Nothing a row says is lost in silence: what of a file was read and what was not stands in report,
verdict and page (fault: `context` of 7,800 rows was dropped without a word).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.analysis.page import render
from daemon.analysis.verdict import remarks
from daemon.core.records import from_json_value
from daemon.core.workspace.intake_reports import IntakeReport
from daemon.folders.queue.reports import describe
from daemon.text.encoder import TextEncoder
from tests.intake.bench import Bench, codes, pair

NAN = float("nan")
KEY = "AKIA" + "Q3ZT7RLM2WXK9PBV"


def described(report: dict[str, Any]) -> list[str]:
    return describe(from_json_value(report, IntakeReport))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def said(report: dict[str, Any]) -> str:
    return "\n".join(remarks(report))


def learned(bench: Bench) -> list[dict[str, Any]]:
    return bench.rows("train") + bench.rows("holdout")


def test_a_key_that_is_not_read_is_told_everywhere_with_an_example_and_what_to_do(
    bench: Bench,
) -> None:
    rows = [{"text": f"text number {n}", "label": "negative", "id": n} for n in range(20)]
    report = bench.take_in(rows)
    assert report["verdict"] == "accepted" and len(learned(bench)) == 20
    for words in (said(report), "\n".join(described(report)), render(report)):
        assert "`label` of 20 rows is not read" in words
        assert "line 1: negative" in words and "--fields context=label" in words
    assert report["reading"]["unread"] == [
        {"key": "label", "rows": 20, "line": 1, "example": "negative"}
    ]
    assert report["reading"]["metadata"] == {
        "id": 20
    } and "Metadata, which is not trained: id." in said(report)


def test_the_report_says_which_reading_was_taken(bench: Bench) -> None:
    rows = [{"Question": f"What is {n}?", "context": f"It is {n}.", "Answer": n} for n in range(9)]
    report = bench.take_in([*rows, pair(1)])
    assert report["reading"]["taken"] == {
        "Question + context -> Answer": 9,
        "prompt -> completion": 1,
    }
    assert "Question + context -> Answer (9 rows)" in said(report)
    assert "read as Question + context -> Answer (9)" in "\n".join(described(report))


def test_a_number_that_is_none_in_a_key_that_is_not_read_leaves_the_row_good(bench: Bench) -> None:
    """Dataframes write NaN into columns that nobody trains."""
    rows = [pair(n) | {"score": NAN, "extra": {"deep": [NAN]}} for n in range(12)]
    report = bench.take_in(rows)
    assert codes(report) == {} and len(learned(bench)) == 12
    assert "`score` of 12 rows is not read" in said(report)


@pytest.mark.parametrize(
    "row",
    [
        b'{"prompt": "a", "completion": "b", "id": 1, "id": 2}',
        b'{"prompt": "a", "completion": "b", "meta": {"x": 1, "x": 2}}',
        b'{"prompt": "a", "completion": "b", "n": ' + b"9" * 5000 + b"}",
        b'{"messages": [{"role": "user", "content": "a", "p": NaN},'
        b' {"role": "assistant", "content": "b"}]}',
    ],
)
def test_what_is_not_read_need_not_be_clean(bench: Bench, row: bytes) -> None:
    report = bench.take_in([*(pair(n) for n in range(3)), row])
    assert codes(report) == {} and report["rows"]["train"] == 4


@pytest.mark.parametrize(
    ("code", "row"),
    [
        (
            "repeated_key",
            b'{"messages": [{"role": "user", "content": "a", "content": "c"},'
            b' {"role": "assistant", "content": "b"}]}',
        ),
        ("not_finite", b'{"prompt": "a", "completion": "b", "tools": [{"name": "f", "x": NaN}]}'),
        (
            "not_finite",
            b'{"messages": [{"role": "user", "content": "a"},'
            b' {"role": "assistant", "content": "b", "weight": NaN}]}',
        ),
        ("lone_surrogate", b'{"prompt": "\\ud800", "completion": "b", "x": NaN}'),
        ("too_deep", b'{"x": ' + b"[" * 40 + b"NaN" + b"]" * 40 + b', "prompt": "a"}'),
    ],
)
def test_what_is_read_has_to_be_clean(bench: Bench, code: str, row: bytes) -> None:
    report = bench.take_in([*(pair(n) for n in range(3)), row])
    assert sum(codes(report).values()) == 1
    assert code in codes(report) or code in ("lone_surrogate", "too_deep")


def test_rows_that_are_too_long_say_nothing_bad_about_their_file(bench: Bench) -> None:
    long = [{"prompt": f"{n} " + "word " * 3000, "completion": "b"} for n in range(12)]
    report = bench.take_in([*long, *(pair(n) for n in range(8))])
    assert report["verdict"] == "accepted" and codes(report) == {"too_long": 12}
    assert report["rows"]["train"] == 8 and report["rows"]["rejected"] == 12
    report = bench.take_in(long)
    assert (report["verdict"], report["code"]) == ("refused", "too_long")
    bad = [{"prompt": "only"}] * 5
    assert bench.take_in([*long, *bad, pair(1)])["verdict"] == "refused"


def test_bad_examples_are_left_out_by_name_and_the_good_ones_train(bench: Bench) -> None:
    rows = [pair(n) | {"label": n % 3 == 0} for n in range(30)]
    report = bench.take_in(rows)
    assert report["verdict"] == "accepted" and codes(report) == {"bad_example": 20}
    assert len(learned(bench)) == 10


def test_preference_data_is_refused_in_the_first_line_with_what_to_do(tmp_path: Path) -> None:
    rows = [{"prompt": f"q {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(20)]
    report = Bench(tmp_path / "a").take_in(rows)
    assert (report["verdict"], report["code"]) == ("refused", "preference_data")
    first = described(report)[0]
    assert "preference data" in first and "--set intake.preferences=chosen" in first
    bench = Bench(tmp_path / "b")
    report = bench.take_in(rows, own='[intake]\npreferences = "chosen"\n')
    assert {row["messages"][1]["content"] for row in learned(bench)} == {
        f"good {n}" for n in range(20)
    }
    assert "read by their chosen side" in said(report)


def test_names_of_fields_and_reasoning_may_be_set_for_one_file(bench: Bench) -> None:
    rows = [{"frage": f"q {n}", "antwort": f"a {n}", "thinking": "hm"} for n in range(5)]
    report = bench.take_in(rows)
    assert report["verdict"] == "refused" and "prompt=frage,completion=antwort" in report["message"]
    own = (
        '[intake]\nreasoning = "leave_out"\nfields = { prompt = "frage", completion = "antwort" }\n'
    )
    report = bench.take_in(rows, own=own)
    assert report["rows"]["train"] == 5
    assert all("reasoning_content" not in row["messages"][1] for row in learned(bench))
    assert "the reasoning of 5 rows was left out" in said(report).lower()
    assert bench.take_in(rows, own="[intake]\nmax_depth = 5\n")["code"] == "bad_own_settings"


def test_reasoning_is_kept_with_its_row_and_counts_as_learned(bench: Bench) -> None:
    plain = [{"prompt": f"q {n}", "completion": "a"} for n in range(3)]
    before = {row["line"]: row["supervised"] for row in (bench.take_in(plain), learned(bench))[1]}
    thought = [row | {"reasoning": "a thought"} for row in plain]
    bench.take_in(thought)
    for row in learned(bench):
        assert row["messages"][1]["reasoning_content"] == "a thought"
        assert row["supervised"] > before[row["line"]]


def test_what_a_users_own_hold_out_does_not_read_is_told_too(bench: Bench) -> None:
    report = bench.take_in(
        [pair(n) for n in range(30)], holdout=[pair(99) | {"remark": "look here"}]
    )
    assert any("hold-out file: `remark` of 1 row is not read" in w for w in report["warnings"])


def test_a_file_with_a_new_key_in_every_row_is_told_in_few_sentences(bench: Bench) -> None:
    report = bench.take_in([pair(n) | {f"key{n}": "x"} for n in range(60)])
    assert len(report["reading"]["unread"]) == 20
    assert any("40 other keys are not read" in sentence for sentence in report["warnings"])


def test_secrets_and_control_characters_of_an_example_are_not_shown(bench: Bench) -> None:
    report = bench.take_in([pair(1) | {"note": "\x1b[31m the key is " + KEY}])
    (found,) = report["reading"]["unread"]
    assert "\x1b" not in found["example"] and KEY not in found["example"]


def test_rows_of_a_saved_chat_are_trained_as_the_chats_they_hold(bench: Bench) -> None:
    def chat(n: int) -> dict[str, Any]:
        texts = (("a", "user", f"Close blind {n}", None), ("b", "assistant", "Done.", "a"))
        return {
            "title": "x",
            "mapping": {
                name: {
                    "message": {"author": {"role": role}, "content": {"parts": [text]}},
                    "parent": parent,
                    "children": ["b"] if name == "a" else [],
                }
                for name, role, text, parent in texts
            },
        }

    report = bench.take_in([chat(n) for n in range(12)])
    assert report["rows"]["read"] == 12 == len(learned(bench))
    assert report["formats"] == {"chatgpt export": 12}


def test_the_tokenizer_sees_numbers_as_texts(bench: Bench) -> None:
    bench.take_in([{"prompt": f"How many hours for {n}?", "completion": n} for n in range(5)])
    assert {row["messages"][1]["content"] for row in learned(bench)} == {str(n) for n in range(5)}
    assert isinstance(bench._encoder, TextEncoder) and json.dumps(NAN) == "NaN"
