"""`data` writes only where it was asked to, and never over a file by itself."""

import json
from pathlib import Path

import pytest

from daemon.cli.commands import data
from daemon.layout import Layout
from tests.cli.conftest import Command
from tests.cli.looked import Looking


@pytest.fixture
def looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looking:
    folder = tmp_path / "scratch"
    folder.mkdir()
    made = Looking(folder)
    monkeypatch.setattr(data, "examine_file", made)
    return made


def test_stats_writes_a_page_and_a_picture(
    looking: Looking, finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    page, picture = tmp_path / "x.html", tmp_path / "x.png"
    done = finetuned(
        "data", "stats", "x.jsonl", "--html", page, "--png", picture, "--root", layout.root
    )
    assert done.exit_code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_dedup_keeps_the_bytes_of_the_lines_that_are_trained_or_held_out(
    looking: Looking, finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    source, target = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    source.write_bytes(b'{"a" :1}\n{"b":2}\n {"c":3}\r\n{"d":4}')
    done = finetuned("data", "dedup", source, "-o", target, "--root", layout.root)
    assert "3 of 800 rows" in done.output
    assert target.read_bytes() == b'{"a" :1}\n {"c":3}\r\n{"d":4}\n'


def test_dedup_keeps_the_variants_of_a_row_that_would_be_held_out(
    looking: Looking, finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    """They are no duplicates; those of another job's exam rows are known, as these rows are."""
    source, target = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    source.write_bytes(b"1\n2\n3\n4\n5\n6\n")
    refused = [
        {"line": 2, "code": "withheld", "of": {"job": looking.place.folder.name, "line": 4}},
        {"line": 5, "code": "withheld", "of": {"job": "000001-other", "line": 4}},
        {"line": 6, "code": "duplicate_in_file", "of": {"job": "x", "line": 4}},
    ]
    looking.place.rejected.write_text("".join(f"{json.dumps(row)}\n" for row in refused))
    finetuned("data", "dedup", source, "-o", target, "--root", layout.root)
    assert target.read_bytes() == b"1\n2\n3\n4\n"


def test_an_existing_file_is_only_written_over_by_force(
    looking: Looking, finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    source, target = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    source.write_text("{}\n")
    target.write_text("mine")
    words = ("data", "dedup", source, "-o", target, "--root", layout.root)
    assert finetuned(*words).exit_code == 1
    assert target.read_text() == "mine"
    assert finetuned(*words, "--force").exit_code == 0
    assert target.read_text() == "{}\n"


def test_a_refused_file_is_explained_and_writes_nothing(
    looking: Looking, finetuned: Command, layout: Layout, tmp_path: Path
) -> None:
    looking.report["verdict"] = "refused"
    target = tmp_path / "y.jsonl"
    done = finetuned("data", "dedup", "x.jsonl", "-o", target, "--root", layout.root)
    assert done.exit_code == 1 and "Refused" in done.output
    assert not target.exists()


def test_any_known_kind_becomes_messages(finetuned: Command, tmp_path: Path) -> None:
    source, target = tmp_path / "x.csv", tmp_path / "x.jsonl"
    source.write_text("question,answer\nWhy?,Because.\n")
    assert finetuned("data", "convert", source, "-o", target).exit_code == 0
    turns = json.loads(target.read_text())["messages"]
    assert [(turn["role"], turn["content"]) for turn in turns] == [
        ("user", "Why?"),
        ("assistant", "Because."),
    ]


def test_a_row_that_cannot_be_converted_is_named_and_the_rest_is_written(
    finetuned: Command, tmp_path: Path
) -> None:
    source, target = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    source.write_text('{"prompt":"a","completion":"b"}\n{"nothing":1}\n')
    done = finetuned("data", "convert", source, "-o", target)
    assert done.exit_code == 1 and "row 2" in done.output
    assert target.read_text().count("\n") == 1


def test_convert_reads_by_the_rules_of_the_inbox_and_tells_what_it_did_not_read(
    finetuned: Command, tmp_path: Path
) -> None:
    source, target = tmp_path / "x.jsonl", tmp_path / "y.jsonl"
    source.write_text(
        '{"frage": "q", "antwort": 2, "notiz": "n", "score": NaN}\n'
        '{"question": "q", "context": "c", "answer": "a"}\n'
        '{"messages": [{"role": "Human", "content": "q"},'
        ' {"role": "AI", "reasoning_content": "hm", "content": "a"}]}\n'
        '{"prompt": "q", "chosen": "a", "rejected": "b"}\n'
    )
    words = ["--fields", "prompt=frage,completion=antwort"]
    done = finetuned("data", "convert", source, "-o", target, *words)
    assert done.exit_code == 1 and "preference data" in done.output
    assert "`notiz` of 1 row is not read" in done.output and "`score`" in done.output
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["messages"][0]["content"] for row in rows] == ["q", "c\n\nq", "q"]
    assert rows[0]["messages"][1]["content"] == "2"
    assert rows[2]["messages"][1]["reasoning_content"] == "hm"
    again = finetuned("data", "convert", source, "-o", target, "--force", "--chosen", *words)
    assert again.exit_code == 0 and len(target.read_text().splitlines()) == 4


@pytest.mark.parametrize("begun", [False, True], ids=["no workspace", "only settings"])
def test_forms_and_duplicates_are_reported_before_there_is_a_workspace(
    finetuned: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    """They need no model; lengths in tokens wait for it."""
    rows = [
        {"frage": f"Where is hall {n}?", "antwort": f"At gate {n} on the left."} for n in (1, 2)
    ]
    (tmp_path / "x.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in [*rows, rows[0]]))
    if begun:
        (tmp_path / "finetuned.toml").write_text('model = "./no-such-model"\n')
    before = set(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    names = ("--fields", "prompt=frage,completion=antwort")
    for command in (("preview",), ("data", "stats")):
        shown = finetuned(*command, "x.jsonl", *names)
        assert shown.exit_code == 0, shown.output
        assert "2 of 3 rows" in shown.output and "duplicate_in_file" in shown.output
        assert begun or "finetuned init ." in " ".join(shown.output.split())
    assert finetuned("data", "dedup", "x.jsonl", "-o", "y.jsonl", *names).exit_code == 0
    assert len((tmp_path / "y.jsonl").read_text().splitlines()) == 2
    assert begun or set(tmp_path.iterdir()) - before == {tmp_path / "y.jsonl"}
