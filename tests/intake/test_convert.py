"""Files of other kinds become JSON lines for a command, row by row."""

from pathlib import Path

import pytest

from daemon.errors import UserFault
from daemon.files.file_notes import FileNotes
from daemon.folders import outputs
from daemon.intake.convert import lines


def test_what_is_broken_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"a": 1}, {"b" 2}, {}]')
    with pytest.raises(UserFault, match="character 16"):
        list(lines(tmp_path / "x.json", (), FileNotes()))


def test_a_broken_file_leaves_what_was_there(tmp_path: Path) -> None:
    """The output is one rename, or nothing."""
    source, target = tmp_path / "x.json", tmp_path / "y.jsonl"
    source.write_text('[{"a": 1}, {"b" 2}, {}]')
    target.write_text("mine")
    with pytest.raises(UserFault):
        outputs.put(target, lines(source, (), FileNotes()), force=True)
    assert target.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"x.json", "y.jsonl"}
