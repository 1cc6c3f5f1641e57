"""The suites of a workspace: its own and those that ship."""

import hashlib
import json
from pathlib import Path

from daemon.folders.suites import discover, paths, read

SHIPPED = Path(__file__).resolve().parents[2] / "evals"
HEADER = {
    "suite": "own",
    "title": "t",
    "task": "t",
    "scorer": "exact",
    "answer_field": "answers",
    "difficulty": "easy",
    "licence": "CC0",
    "origin": "me",
}


def write(path: Path, *rows: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_workspace_has_the_shipped_suites_and_its_own(tmp_path: Path) -> None:
    shipped = {path.name for path in SHIPPED.glob("*.jsonl")}
    assert len(shipped) == 6
    assert {path.name for path in paths(tmp_path / "evals")} == shipped
    write(tmp_path / "evals" / "own.jsonl", HEADER, {"prompt": "?"})
    assert {path.name for path in paths(tmp_path / "evals")} == {*shipped, "own.jsonl"}


def test_a_file_of_the_workspace_stands_for_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    mine = tmp_path / "evals" / "general_100.jsonl"
    write(mine, {**HEADER, "suite": "general_100"}, {"prompt": "?"})
    found = {file.name: file for file in discover(tmp_path / "evals")}
    suite = found["general_100"].suite
    assert suite is not None and len(suite.items) == 1
    assert suite.sha256 == hashlib.sha256(mine.read_bytes()).hexdigest()


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(json.dumps(HEADER | {"suite": "broken"}).encode() + b"\n{\n\nab\xff\n")
    assert read(broken).sentences == (
        "evals/broken.jsonl, line 2: it is not JSON (unexpected end of data): write one object a "
        "line",
        "evals/broken.jsonl, line 4: its byte 3 is not UTF-8: save the file as UTF-8",
    )
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    gone = read(tmp_path / "gone.jsonl")
    assert gone.suite is None and "No such file" in gone.sentences[0]
    (tmp_path / "folder.jsonl").mkdir()
    assert "cannot be read" in read(tmp_path / "folder.jsonl").sentences[0]


def test_a_file_with_a_mark_of_its_encoding_is_read_or_told_by_its_name(tmp_path: Path) -> None:
    mine = tmp_path / "own.jsonl"
    write(mine, HEADER, {"prompt": "?"})
    text = mine.read_text()
    mine.write_text(text, encoding="utf-8-sig")
    assert read(mine).sentences == () and read(mine).suite is not None
    mine.write_text(text, encoding="utf-16")
    assert read(mine).sentences == ("evals/own.jsonl: it is UTF-16: save it as UTF-8",)
