"""`queue/.arriving/`: copies of files from an inbox on another volume, before they become jobs.

A copy appears here complete, under a name unique to the file; then the file is removed from the
inbox; then the copy becomes a job by one rename. If the daemon dies in between, a file that was
copied already is not copied again, only removed from the inbox.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from daemon.core.decisions.snapshot import Drop
from daemon.core.records import Record
from daemon.core.workspace.file_names import ending_of
from daemon.core.workspace.jobs import Priority
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout

Identity = tuple[int, int, int]
"""Inode, size in bytes, time of the last change in nanoseconds."""

Files = Mapping[str, tuple[Path, Identity]]
"""Path and settled identity of each file of a drop, by name in a job; the main one last."""

COPY_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ArrivalSource(Record):
    """The content of `source.json`: which file of the inbox a copy was made of."""

    inbox: str
    """Its path as bytes in hex."""
    sums: Mapping[str, str]
    """SHA-256 of each file of the drop, by name in a job."""
    priority: Priority
    identity: Identity


class FileChanged(Exception):
    """The file changed after it settled; it stays in the inbox and settles again."""


class Left(Exception):
    """The copy was cancelled because the daemon stops."""


def fetch(layout: Layout, drop: Drop, files: Files, ending: Callable[[], bool]) -> None:
    """Copy a drop to the queue's volume, verify the copy, then remove it from the inbox.

    Never within a tick, because it may take long; `ending` is polled between two chunks.

    Raises:
        FileChanged: it was written to or removed; no copy is left.
        Left: the daemon stops; the copy starts from scratch another time.
        OSError: the disk refused; the file is in the inbox, its copy may be here too.
    """
    main, identity = list(files.values())[-1]
    atomic.make_directory(layout.arriving)
    target = layout.arriving / _name(drop, identity)
    if target.exists() and not _is_of(target, files):
        # Left by a crash, and the file was written to since without a change of its times.
        atomic.remove_directory(target)
    if not target.exists():
        with atomic.building_directory(target) as folder:
            sums = {n: _copy(*source, folder / n, ending) for n, source in files.items()}
            source = ArrivalSource(
                inbox=os.fsencode(main).hex(),
                sums=sums,
                priority=drop.priority,
                identity=identity,
            )
            write_record(JobLayout(folder).source, source)
    _verify(target)
    changed = [path for path, known in files.values() if _identity(path) != known]
    if changed:
        atomic.remove_directory(target)
        raise FileChanged(f"{changed[0]} was written to while it was copied")
    for path, _ in files.values():
        atomic.remove_file(path)


def waiting(layout: Layout) -> tuple[Drop, ...]:
    """Return the copies whose file has left the inbox, the oldest first."""
    try:
        names = [e.name for e in os.scandir(layout.arriving) if not e.name.startswith(".")]
    except FileNotFoundError:
        return ()
    found = []
    for name in names:
        folder = JobLayout(layout.arriving / name)
        size = folder.original.stat().st_size
        try:
            source = _source(folder.folder)
            path = Path(os.fsdecode(bytes.fromhex(source.inbox)))
        except ValueError:
            # Damaged: its name is lost, its rows are not.
            ending = ending_of(folder.original.name)
            found.append((0, Drop(f"{name}{ending}", "normal", size, name)))
            continue
        if _identity(path) != source.identity:
            found.append((source.identity[2], Drop(path.name, source.priority, size, name)))
    return tuple(drop for _, drop in sorted(found, key=lambda item: (item[0], item[1].name)))


def _source(folder: Path) -> ArrivalSource:
    return read_record(JobLayout(folder).source, ArrivalSource)


def _name(drop: Drop, identity: Identity) -> str:
    text = f"{drop.priority}\0{identity}\0".encode() + os.fsencode(drop.name)
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def _is_of(target: Path, files: Files) -> bool:
    """Return whether a copy is of these files; missing companions were copied with it."""
    try:
        sums = _source(target).sums
        return all(sums.get(name) == _digest(path) for name, (path, _) in files.items())
    except ValueError:
        return False


def _verify(target: Path) -> None:
    """Read a copy again; one that differs from the file is removed."""
    for name, wanted in _source(target).sums.items():
        if _digest(target / name) != wanted:
            atomic.remove_directory(target)
            raise OSError(errno.EIO, f"the copy {target / name} differs from what was written")


def _copy(source: Path, settled: Identity, target: Path, ending: Callable[[], bool]) -> str:
    """Copy a file and return its SHA-256."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "rb") as file, target.open("wb") as copy:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or _of(os.fstat(descriptor)) != settled:
            raise FileChanged(f"{source} is no longer the file that settled")
        while data := file.read(COPY_BYTES):
            if ending():
                raise Left
            digest.update(data)
            copy.write(data)
        if _of(os.fstat(descriptor)) != settled:
            raise FileChanged(f"{source} was written to while it was copied")
    return digest.hexdigest()


def _of(found: os.stat_result) -> Identity:
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _identity(path: Path) -> Identity | None:
    try:
        return _of(path.lstat())
    except FileNotFoundError:
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
