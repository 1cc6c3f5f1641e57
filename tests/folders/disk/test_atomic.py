"""Durable writes: the old content or the new, never half (faults T1, N6)."""

import errno
import fcntl
import io
import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.folders.disk import atomic


def test_a_failed_write_leaves_the_old_bytes_and_no_leftover(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(path, {"a": float("nan")})

    def torn() -> object:
        yield {"a": 2}
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        atomic.write_json_lines(path, torn())  # type: ignore[arg-type]
    assert path.read_text() == '{\n "a": 1\n}\n'
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_what_found_no_room_leaves_none_of_it_behind(tmp_path: Path) -> None:
    """Fault D1."""
    path = tmp_path / "status.json"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        for write in (atomic.replace_volatile, atomic.write_bytes):
            with pytest.raises(OSError, match="too large"):
                write(path, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_a_directory_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "v1"
    with pytest.raises(RuntimeError), atomic.building_directory(target) as folder:
        (folder / "half").write_text("x")
        raise RuntimeError("crash")
    assert list(tmp_path.iterdir()) == []
    with atomic.building_directory(target) as folder:
        (folder / "whole").write_text("x")
    assert (target / "whole").read_text() == "x"


def test_nothing_is_moved_onto_something_else(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with pytest.raises(FileExistsError):
        atomic.move(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "b"


def test_leftovers_of_a_crash_are_purged_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / f"{atomic.PREFIX}1-x").write_text("")
    (tmp_path / f"{atomic.TRASH}y").mkdir()
    (tmp_path / "kept").write_text("")
    atomic.purge_leftovers(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_a_torn_last_line_is_closed_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"a": 1}\n{"torn')
    atomic.append_line(path, b'{"b": 2}\n')
    assert path.read_bytes() == b'{"a": 1}\n{"torn\n{"b": 2}\n'


def test_a_link_is_replaced_at_once(tmp_path: Path) -> None:
    atomic.replace_link(tmp_path / "link", "one")
    atomic.replace_link(tmp_path / "link", "two")
    assert (tmp_path / "link").readlink() == Path("two")
    assert len(list(tmp_path.iterdir())) == 1


class Unclosable(io.FileIO):
    """A file whose bytes are refused when it is closed, as on a network volume."""

    def close(self) -> None:
        was_open = not self.closed
        super().close()
        if was_open:
            raise OSError(errno.EIO, "refused at the end")


def write_bytes(path: Path) -> None:
    atomic.write_bytes(path, b"new")


def write_lines(path: Path) -> None:
    atomic.write_json_lines(path, [{"a": 2}])


@pytest.mark.parametrize("write", [write_bytes, write_lines, atomic.sync_file])
def test_a_file_that_cannot_be_closed_counts_as_not_written(
    write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    atomic.write_bytes(path, b"old")
    with monkeypatch.context() as patch, pytest.raises(OSError, match="refused at the end"):
        patch.setattr(Path, "open", lambda path, mode: Unclosable(path, mode))
        write(path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_directory_that_cannot_be_closed_counts_as_not_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.close

    def refuse(descriptor: int) -> None:
        really(descriptor)
        raise OSError(errno.EIO, "refused at the end")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="refused at the end"):
        patch.setattr(os, "close", refuse)
        atomic.sync_directory(tmp_path)


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\u8a9e", "\U0001f600"])
def test_a_name_as_long_as_the_volume_allows_can_be_written(tmp_path: Path, letter: str) -> None:
    """A temporary name was cut at 200 characters, which are up to 800 bytes: ENAMETOOLONG."""
    path = tmp_path / (letter * (250 // len(letter.encode())) + ".json")
    atomic.write_json(path, 1)
    assert path.read_text() == "1\n"
    with atomic.building_directory(path.with_suffix("")) as folder:
        assert len(os.fsencode(folder.name)) <= 200
    link = path.with_suffix(".link")
    atomic.replace_link(link, "elsewhere")
    assert len(list(tmp_path.iterdir())) == 3


def test_what_is_left_of_a_long_name_is_known_by_its_end(tmp_path: Path) -> None:
    """The beginning was kept, so nothing that was looked for by its ending was found."""
    path = tmp_path / ("\u8a9e" * 75 + "-events.jsonl")
    atomic.temporary_name(path).touch()
    atomic.purge_leftovers(tmp_path, of="-events.jsonl")
    assert not list(tmp_path.iterdir())


FULL = 51
"""F_FULLFSYNC of macOS."""


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Answer F_FULLFSYNC as macOS does on a volume, 0 for done; the list says what was synced."""
    fsync, calls = os.fsync, list[str]()

    def plain(descriptor: int) -> None:
        calls.append(f"plain {kind(descriptor)}")
        fsync(descriptor)

    def answers(code: int) -> list[str]:
        def full(descriptor: int, command: int) -> int:
            assert command == FULL
            calls.append(f"full {kind(descriptor)}")
            if code:
                raise OSError(code, os.strerror(code))
            return 0

        monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
        monkeypatch.setattr(fcntl, "fcntl", full)
        monkeypatch.setattr(os, "fsync", plain)
        return calls

    return answers


def kind(descriptor: int) -> str:
    return "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"


def test_on_macos_a_file_and_the_directory_of_its_name_reach_the_medium(
    tmp_path: Path, mac: Callable[[int], list[str]]
) -> None:
    """Directories got a plain fsync there: a rename could sit in the drive's cache."""
    calls = mac(0)
    atomic.write_bytes(tmp_path / "a", b"1")
    assert calls == ["full file", "full folder"]


@pytest.mark.parametrize("code", [errno.ENOTSUP, errno.EINVAL, errno.ENOTTY])
def test_a_volume_that_knows_no_full_sync_gets_the_plain_one(
    tmp_path: Path, mac: Callable[[int], list[str]], code: int
) -> None:
    """On SMB and FUSE volumes of a Mac no durable write succeeded: the call is not known there."""
    calls = mac(code)
    atomic.write_bytes(tmp_path / "a", b"1")
    assert (tmp_path / "a").read_bytes() == b"1"
    assert calls == ["full file", "plain file", "full folder", "plain folder"]


def test_a_full_sync_that_failed_is_no_unsupported_one(
    tmp_path: Path, mac: Callable[[int], list[str]]
) -> None:
    """Fault T4: a plain fsync after an error of the disk would say that all is well."""
    calls = mac(errno.EIO)
    with pytest.raises(OSError, match="nput/output"):
        atomic.write_bytes(tmp_path / "a", b"1")
    assert calls == ["full file"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("code", "fails"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_directory_is_left_unsynced_only_where_its_volume_knows_no_sync_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, fails: bool
) -> None:
    """Some network volumes answer a directory's fsync with EINVAL: no write succeeded there."""
    fsync = os.fsync

    def refuses_folders(descriptor: int) -> None:
        if kind(descriptor) == "folder":
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
    monkeypatch.setattr(os, "fsync", refuses_folders)
    if fails:
        with pytest.raises(OSError, match="nput/output"):
            atomic.write_bytes(tmp_path / "a", b"1")
    else:
        atomic.write_bytes(tmp_path / "a", b"1")
    assert (tmp_path / "a").read_bytes() == b"1"
