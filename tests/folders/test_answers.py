"""A file of answers: what was added is read again, and bad lines are told."""

from pathlib import Path

from daemon.core.evaluation.answer_files import GivenAnswer
from daemon.folders import answers


def test_what_was_added_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    answers.add(path, "one", "x", "line 1\nline 2 \x1b ü")
    answers.add(path, "one", "y", "")
    found = answers.read(path)
    assert found.given == (
        GivenAnswer(1, "one", "x", "line 1\nline 2 \x1b ü"),
        GivenAnswer(2, "one", "y", ""),
    )
    assert found.mistakes == () and len(found.sha256) == 64


def test_every_bad_line_is_told_and_empty_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\n{"id": "x", "answer": "y"}\nno json\n\xff\n[]\n' + b"[" * 100_000 + b"\n")
    found = answers.read(path)
    assert len(found.given) == 1
    assert [said.split(" is ")[0] for said in found.mistakes] == [
        "line 3",
        "line 4",
        "line 5",
        "line 6",
    ]


def test_one_json_text_with_a_list_of_results_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(
        '{"model": "big", "results": [\n {"question": "q", "prediction": "p"},\n {"x": 1}]}'
    )
    found = answers.read(path)
    assert found.given == (GivenAnswer(1, None, "", "p", "q"),)
    assert len(found.mistakes) == 1 and found.mistakes[0].startswith("line 2")
