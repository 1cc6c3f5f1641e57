"""What becomes of real files: each promise of intake on rows that people wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rows.examples import Chat, Turn, to_record
from daemon.core.rows.formats import Fields, Good, recognise
from daemon.files.file_notes import FileNotes
from daemon.intake.convert import lines
from tests.intake.bench import Bench, codes
from tests.intake.real import example_rows, faq, rows_of, tech_support


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "[training]\nmax_row_tokens = 8192\n")


def test_1050_rows_of_which_10_differ_are_10(bench: Bench) -> None:
    rows = tech_support()
    assert len(rows) == 1050
    report = bench.take_in(rows)
    assert report["rows"]["train"] + report["rows"]["holdout"] == 10
    assert codes(report) == {"duplicate_in_file": 1040}
    assert report["duplicates"]["in_file"]["exact"] == 1040


def reference(row: dict[str, Any]) -> Chat:
    """Convert by the book, in as few words as possible."""
    return Chat((Turn("user", row["q"]), Turn("assistant", row["a"])))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("faq-en-sharegpt.jsonl", {}),
        ("faq-en-alpaca.jsonl", {}),
        ("faq-en.jsonl", {"prompt": "q", "completion": "a"}),
        ("faq-sharegpt.jsonl", {}),
        ("faq-alpaca.jsonl", {}),
    ],
)
def test_every_format_gives_the_same_examples_as_a_conversion_by_hand(
    name: str, fields: dict[Any, str]
) -> None:
    source = "faq-en.jsonl" if "-en" in name else "faq.jsonl"
    wanted = [reference(row) for row in rows_of(faq(source))]
    found = [recognise(row, Fields(fields)) for row in rows_of(faq(name))]
    assert [item.example for item in found if isinstance(item, Good)] == wanted


def test_a_csv_file_gives_the_same_examples(tmp_path: Path) -> None:
    source = tmp_path / "faq.csv"
    source.write_bytes(faq("faq-en.csv"))
    (tmp_path / "faq.jsonl").write_bytes(b"".join(lines(source, (), FileNotes())))
    rows = rows_of((tmp_path / "faq.jsonl").read_bytes())
    found = [recognise(row, Fields({"prompt": "q", "completion": "a"})) for row in rows]
    wanted = [reference(row) for row in rows_of(faq("faq-en.jsonl"))]
    assert [item.example for item in found if isinstance(item, Good)] == wanted


def test_formats_may_be_mixed_in_one_file(bench: Bench) -> None:
    files = ("faq-en-sharegpt.jsonl", "faq-alpaca.jsonl")
    report = bench.take_in(b"".join(map(faq, files)))
    assert report["formats"] == {"sharegpt": 503, "alpaca": 503}
    assert report["verdict"] == "accepted" and report["rows"]["rejected"] == 0


def test_a_file_dropped_twice_under_another_name_trains_nothing_and_says_why(bench: Bench) -> None:
    bench.take_in(faq("faq-en-alpaca.jsonl"))
    bench.seen = bench.exams = [bench.place.folder.name]
    again = bench.take_in(faq("faq-en-sharegpt.jsonl"))
    assert again["verdict"] == "nothing_new" and again["rows"]["train"] == 0
    assert set(codes(again)) == {"duplicate_seen", "exam_row"}
    first = bench.rows("rejected")[0]
    assert first["of"]["job"] == "000001-t" and first["of"]["line"] == first["line"]


def test_the_shipped_files_lose_no_row_that_is_not_a_duplicate(bench: Bench) -> None:
    for name in ("smart_home.jsonl", "syllables.jsonl"):
        rows = example_rows(name)
        report = bench.take_in(rows)
        lost = [rows[row["line"] - 1] for row in bench.rows("rejected")]
        kept = [rows[row["of"]["line"] - 1] for row in bench.rows("rejected")]
        assert report["rows"]["rejected"] == 0 and len(lost) < 0.1 * len(rows)
        for one, other in zip(lost, kept, strict=True):
            assert _bare(one) == _bare(other)


def _bare(row: dict[str, Any]) -> tuple[str, ...]:
    """Return what a person reads, articles and contractions aside, and the answer."""
    asked, answer = (row["messages"][-2]["content"], row["messages"][-1]["content"])
    text = asked.lower().replace("what's", "what is").replace("whats", "what is")
    words = [word.strip("?.!,").replace("'s", "s") for word in text.split()]
    light = {"the", "a", "an", "of", "that", "is", "are", "to", "for", "at", "please"}
    return (*(word.rstrip("s") for word in words if word not in light), answer)


def test_distinct_commands_under_a_long_system_text_are_all_kept(bench: Bench) -> None:
    """The system text lists every function; it must not make the rows alike."""
    rows = example_rows("smart_home.jsonl")
    functions = sorted({json.loads(row["messages"][-1]["content"])["name"] for row in rows})
    system = "You control a house with these functions: " + "; ".join(
        f"{name} (area: text, name: text, brightness: number) does what its name says"
        for name in functions * 4
    )
    distinct = list({_bare(row)[:-1]: row for row in rows}.values())
    asked = [
        {"messages": [{"role": "system", "content": system}, *row["messages"][-2:]]}
        for row in distinct
    ]
    report = bench.take_in(asked)
    assert len(asked) > 600
    assert report["rows"]["train"] + report["rows"]["holdout"] > 0.98 * len(asked)


def test_suite_items_with_small_edits_are_refused_and_no_others(bench: Bench) -> None:
    rows = rows_of(faq("faq-en.jsonl"))
    items, others = rows[:50], rows[50:]
    bench.layout.evals.mkdir()
    suite = [json.dumps({"suite": "building", "task": "questions"})]
    suite += [json.dumps({"prompt": row["q"], "answer": row["a"]}) for row in items]
    (bench.layout.evals / "building.jsonl").write_text("\n".join(suite) + "\n")
    edits = (
        lambda text: text.lower(),
        lambda text: "Please: " + text,
        lambda text: text.rstrip("?") + " ??",
        lambda text: text.replace("the ", "", 1),
        lambda text: text.replace("building", "bulding", 1),
    )
    edited = [
        {"prompt": edits[number % 5](row["q"]), "completion": row["a"]}
        for number, row in enumerate(items)
    ]
    plain = [{"prompt": row["q"], "completion": row["a"]} for row in others]
    report = bench.take_in([*plain[:200], *edited, *plain[200:]])
    refused = [row for row in bench.rows("rejected") if row["code"] == "exam_row"]
    assert sorted(row["line"] for row in refused) == list(range(201, 251))
    assert codes(report)["exam_row"] == 50
    first = min(refused, key=lambda row: int(row["line"]))
    assert first["of"] == {"job": "evals/building.jsonl", "line": 2}


def test_growing_chats_are_collapsed_into_their_longest_form(bench: Bench) -> None:
    rows = rows_of(faq("faq-en.jsonl"))
    log: list[dict[str, Any]] = []
    for start in range(0, 60, 4):
        messages: list[dict[str, str]] = [{"role": "system", "content": "You help builders."}]
        for row in rows[start : start + 4]:
            messages = [*messages, {"role": "user", "content": row["q"]}]
            messages = [*messages, {"role": "assistant", "content": row["a"]}]
            log.append({"messages": messages})
    report = bench.take_in(log)
    assert report["rows"]["collapsed"] == 45 and report["rows"]["rejected"] == 0
    written = [*bench.rows("train"), *bench.rows("holdout")]
    assert len(written) == 15
    first = next(row for row in written if row["line"] == 4)
    assert first["stands_for"] == [1, 2, 3] and len(first["messages"]) == 9


def test_paraphrases_of_one_group_stay_whole_and_on_one_side(bench: Bench) -> None:
    rows = rows_of(faq("faq-en.jsonl"))[:100]
    asked = [
        to_record(Chat((Turn("user", text), Turn("assistant", row["a"])), row["id"]))
        for row in rows
        for text in (row["q"], "Please, " + row["q"].lower(), row["q"].rstrip("?") + "!")
    ]
    report = bench.take_in(asked)
    counts = report["rows"]
    assert counts["holdout"] == 10 and counts["withheld"] == 20
    assert counts["train"] + counts["holdout"] + counts["withheld"] == 300
    sides = {kind: {row["group"] for row in bench.rows(kind)} for kind in ("train", "holdout")}
    assert sides["holdout"] and not sides["train"] & sides["holdout"]


def test_wordings_of_one_question_fall_on_one_side_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "[training]\nmax_row_tokens = 8192\n[holdout]\nshare = 0.4\n")
    rows = rows_of(faq("faq-en.jsonl"))[:60]
    asked = [
        {"prompt": row["q"], "completion": f"label {number}"} for number, row in enumerate(rows)
    ]
    asked += [
        {"prompt": row["q"].lower(), "completion": f"other {number}"}
        for number, row in enumerate(rows)
    ]
    report = bench.take_in(asked)
    assert report["duplicates"]["conflicts"]["count"] == 60
    held = {row["line"] for row in bench.rows("holdout")}
    withheld = {row["line"]: row["of"]["line"] for row in bench.rows("rejected")}
    # Rows that nobody declared variants stand on the exam too, of which a run takes one.
    assert len(held) == 48 and not withheld
    assert {line + 60 for line in held if line <= 60} == {line for line in held if line > 60}
