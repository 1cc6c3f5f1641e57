"""Files are put into the inbox whole, the one that counts last, and never over another."""

from pathlib import Path

import pytest

from daemon.folders.inbox import drops


def test_the_inode_is_that_of_the_last_file(tmp_path: Path) -> None:
    found = drops.put(tmp_path, {"x.toml": drops.text_of("a = 1"), "x.jsonl": drops.text_of("{}")})
    there = (tmp_path / "x.jsonl").stat()
    assert (there.st_ino, there.st_mtime_ns) == (found.st_ino, found.st_mtime_ns)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.jsonl", "x.toml"]


def test_a_writer_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        target.write_bytes(b"half")
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        drops.put(tmp_path, {"x.toml": drops.text_of("a = 1"), "x.jsonl": fail})
    assert list(tmp_path.iterdir()) == []


def test_a_name_taken_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    """Fault N6."""

    def write(target: Path) -> None:
        target.write_bytes(b"new")
        (tmp_path / "x.jsonl").write_bytes(b"old")

    with pytest.raises(FileExistsError):
        drops.put(tmp_path, {"x.jsonl": write})
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x.jsonl", b"old")]


def test_a_free_stem_is_free_for_every_ending(tmp_path: Path) -> None:
    (tmp_path / "x.valid.jsonl").touch()
    (tmp_path / "x-2.jsonl").symlink_to("nowhere")
    assert drops.free_stem(tmp_path, "x", (".jsonl", ".valid.jsonl")) == "x-3"
    assert drops.free_stem(tmp_path, "y", (".jsonl",)) == "y"


def test_a_name_as_long_as_the_volume_allows_can_be_dropped(tmp_path: Path) -> None:
    name = "\u8a9e" * 82 + ".jsonl"
    drops.put(tmp_path, {name: drops.text_of("{}")})
    assert [path.name for path in tmp_path.iterdir()] == [name]
