"""Durable and atomic changes of files and directories: complete or absent, and on the medium."""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from daemon.failpoints import failpoint

PREFIX = ".tmp-"
TRASH = ".trash-"

MOST_NAME_BYTES = 200
"""Longest temporary name in bytes; every volume allows 255."""

UNSUPPORTED = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY})
"""Errors of a volume that does not support a kind of sync (SMB, FUSE, others)."""


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file's content; readers see the old or the new bytes, even after a crash."""
    temporary = temporary_name(path)
    try:
        with temporary.open("wb") as file:
            failpoint("write.opened")
            file.write(data)
            failpoint("write.written")
            _sync(file)
        failpoint("write.synced")
        os.replace(temporary, path)
        failpoint("write.renamed")
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)
    failpoint("write.done")


def write_json(path: Path, value: Any) -> None:
    """Replace a file's content with one value as readable JSON."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1)
    write_bytes(path, text.encode() + b"\n")


def write_json_lines(path: Path, records: Iterable[object]) -> None:
    """Replace a file's content with one JSON value a line; memory holds one record at a time."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        for record in records:
            line = json.dumps(record, ensure_ascii=False, allow_nan=False)
            file.write(line.encode() + b"\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write to; at the end its content replaces `path`."""
    temporary = temporary_name(path)
    try:
        yield temporary
        failpoint("replacing.written")
        sync_file(temporary)
        failpoint("replacing.synced")
        os.replace(temporary, path)
        failpoint("replacing.renamed")
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)
    failpoint("replacing.done")


def replace_volatile(path: Path, data: bytes) -> None:
    """Replace a file's content atomically, but without waiting for the disk."""
    temporary = temporary_name(path)
    try:
        failpoint("volatile.begun")
        temporary.write_bytes(data)
        failpoint("volatile.written")
        os.replace(temporary, path)
    except BaseException:
        # On a full disk the partial file would take up the last free space.
        with suppress(OSError):
            temporary.unlink()
        raise


def make_directory(path: Path) -> None:
    """Create a directory and its parents; an existing one is fine."""
    if path.is_dir():
        return
    make_directory(path.parent)
    with suppress(FileExistsError):
        failpoint("mkdir.begun")
        path.mkdir()
    failpoint("mkdir.made")
    sync_directory(path.parent)


@contextmanager
def building_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary directory to fill; at the end it appears as `path`, complete and synced.

    Raises:
        FileExistsError: `path` is there already; the temporary directory is removed.
    """
    temporary = temporary_name(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        failpoint("building.begun")
        yield temporary
        failpoint("building.filled")
        for folder, _, names in os.walk(temporary):
            for name in names:
                sync_file(Path(folder, name))
            sync_directory(Path(folder))
        failpoint("building.synced")
        move(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def move(source: Path, target: Path) -> None:
    """Move a file or directory by one rename; the target's directory is synced before the source's.

    Raises:
        FileExistsError: the target exists; nothing was moved.
        OSError: EXDEV where the two lie on different volumes.
    """
    if os.path.lexists(target):
        raise FileExistsError(f"{target} exists; {source} was not moved onto it")
    failpoint("move.begun")
    os.rename(source, target)
    failpoint("move.renamed")
    sync_directory(target.parent)
    failpoint("move.target_synced")
    if source.parent != target.parent:
        sync_directory(source.parent)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's bytes into a directory that is still being built."""
    shutil.copyfile(source, target)


def remove_file(path: Path) -> None:
    """Remove a file; a missing one is fine."""
    with suppress(FileNotFoundError):
        failpoint("remove.begun")
        path.unlink()
        failpoint("remove.unlinked")
        sync_directory(path.parent)


def remove_directory(path: Path) -> None:
    """Remove a directory tree; it is renamed first, so that half of it is never seen."""
    trash = _hidden(path, TRASH)
    shutil.rmtree(trash, ignore_errors=True)
    try:
        failpoint("trash.begun")
        os.rename(path, trash)
    except FileNotFoundError:
        return
    try:
        failpoint("trash.renamed")
        sync_directory(path.parent)
        failpoint("trash.synced")
    finally:
        # A second try would find nothing under the old name, and leave the rest for ever.
        shutil.rmtree(trash, ignore_errors=True)


def purge_leftovers(folder: Path, of: str = "") -> None:
    """Remove a crash's temporary files directly under a folder; with `of`, only of that name."""
    if not folder.is_dir():
        return
    for entry in os.scandir(folder):
        if entry.name.startswith((PREFIX, TRASH)) and entry.name.endswith(of):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with suppress(OSError):
                    os.unlink(entry.path)


def replace_link(link: Path, target: str) -> None:
    """Point a symbolic link at a relative target by one rename."""
    temporary = temporary_name(link)
    with suppress(FileNotFoundError):
        temporary.unlink()
    failpoint("link.begun")
    os.symlink(target, temporary)
    failpoint("link.made")
    os.replace(temporary, link)
    failpoint("link.renamed")
    sync_directory(link.parent)


def append_at(path: Path, offset: int, data: bytes) -> int:
    """Append durably after the first `offset` bytes of a file, and return its size.

    Anything after them is cut off: its writer died before it counted. A shorter file is appended to
    as it is.
    """
    fresh = not path.exists()
    with path.open("ab") as file:
        if file.tell() > offset:
            file.truncate(offset)
            file.seek(0, os.SEEK_END)
        failpoint("append.opened")
        file.write(data)
        failpoint("append.written")
        _sync(file)
        failpoint("append.synced")
        size = file.tell()
    if fresh:
        sync_directory(path.parent)
    return size


def append_line(path: Path, line: bytes) -> None:
    """Append one whole line without waiting for the disk; a torn last line is closed first."""
    with path.open("ab+") as file:
        if file.tell() > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line)


def rotate(path: Path, keep: int) -> None:
    """Rotate a log: `x` to `x.1`, `x.1` to `x.2` and so on; the oldest is removed."""
    for number in range(keep, 0, -1):
        source = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        with suppress(FileNotFoundError):
            os.replace(source, path.with_name(f"{path.name}.{number}"))


def take_number(counter: Path, used: int) -> int:
    """Take the next number of a counter, durably: it is never used again.

    `used` is the highest number known from elsewhere: the counter may be lost, or come from an
    older backup.
    """
    last = used
    with suppress(FileNotFoundError, ValueError):
        last = max(used, int(counter.read_text()))
    write_bytes(counter, b"%d\n" % (last + 1))
    return last + 1


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    with path.open("rb") as file:
        _sync(file)


def sync_files(folder: Path) -> None:
    """Wait until all files directly in a directory are on the disk; links are skipped."""
    for entry in list(os.scandir(folder)):
        # Another process may be about to rename a temporary file.
        if entry.is_file(follow_symlinks=False) and not entry.name.startswith(PREFIX):
            sync_file(Path(entry.path))


def sync_directory(path: Path) -> None:
    """Wait until a directory's entries are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync_descriptor(descriptor)
    except OSError as error:
        # Some volumes cannot sync a directory, which is no error of its entries.
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def _sync(file: BinaryIO) -> None:
    # Data in Python's own buffer is not yet in the file that is synced.
    file.flush()
    _sync_descriptor(file.fileno())


def _sync_descriptor(descriptor: int) -> None:
    if not _sync_fully(descriptor):
        os.fsync(descriptor)


def _sync_fully(descriptor: int) -> bool:
    """Flush the drive's own cache too; return False if system or volume cannot."""
    # On macOS fsync leaves the bytes in the drive's cache; only F_FULLFSYNC reaches the medium.
    command = getattr(fcntl, "F_FULLFSYNC", None)
    if command is None:
        return False
    try:
        fcntl.fcntl(descriptor, command)
    except OSError as error:
        # Network volumes and FUSE do not support the call, which is no error of the data.
        if error.errno in UNSUPPORTED:
            return False
        raise
    return True


def temporary_name(path: Path) -> Path:
    """Return a hidden name of this process beside a path, for a file that is being written.

    Of a long name the end is retained: a volume allows 255 bytes, and a letter may take four.
    """
    return _hidden(path, f"{PREFIX}{os.getpid()}-")


def _hidden(path: Path, beginning: str) -> Path:
    name = path.name
    while len(os.fsencode(name)) > MOST_NAME_BYTES - len(beginning):
        name = name[1:]
    return path.with_name(beginning + name)
