"""Writes dropped files of other kinds as JSON lines beside them, for as long as they are read."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from daemon.core.records import JsonObject
from daemon.core.rows.refusal import Bad
from daemon.failpoints import failpoint
from daemon.files.file_notes import FileNotes
from daemon.files.kinds import FileKind, kind_of
from daemon.files.limits import Limits, Unreadable
from daemon.files.unpacking import unpacked
from daemon.folders.disk import atomic
from daemon.folders.disk.file_state import tail_of
from daemon.settings_tables import IntakeSettings

LOOK_BYTES = 2**24
"""Bytes between two looks at the room on the volume and two signs of life."""
WORDS = {
    "values": "object",
    "wrapped": "item",
    "array": "item",
    "table": "row",
    "parquet": "row",
}


@dataclass(frozen=True)
class UnpackedText:
    """Files of rows, and the one file in which they can be read as JSON lines."""

    path: Path
    kinds: tuple[FileKind, ...]
    size: int
    lines: tuple[int, ...] = ()
    """How many lines each file became, where they were copied."""
    notes: tuple[FileNotes, ...] = ()
    """What was found out about each file as it was copied."""
    own_names: frozenset[str] = frozenset()
    """The user's names of keys, by which a table was known."""

    @property
    def is_plain(self) -> bool:
        """Whether it is the dropped file itself."""
        return all(kind.is_plain for kind in self.kinds)

    def remarks(self, whose: str) -> Iterator[str]:
        """Say what was read where it was not JSON lines, and what a line number counts."""
        for kind in self.kinds:
            if kind.form == "lines" and not kind.is_plain:
                yield f"{whose} is {kind}; line numbers and offsets are those of its text as read"
            elif not kind.is_plain:
                yield (
                    f"{whose} is {kind}; line numbers and offsets are those of the JSON lines it "
                    f"was read as, each {WORDS[kind.form]} one line"
                )
        for notes in self.notes:
            yield from notes.sentences(whose)

    def last_line_remarks(self, whose: str) -> Iterator[str]:
        """Say that a last line is not whole, where nothing else was found to be cut off."""
        if not any(notes.cut_off for notes in self.notes):
            yield from FileNotes("in the middle of its last line").sentences(whose)

    def as_record(self) -> JsonObject:
        """Return what the report says of it."""
        [kind] = self.kinds
        record = {"kind": str(kind), "plain": self.is_plain, "unpacked_bytes": self.size}
        if self.is_plain:
            record["tail"] = tail_of(self.path, self.size)
        cut_off = next((notes.cut_off for notes in self.notes if notes.cut_off), "")
        record |= {"cut_off": cut_off} if cut_off else {}
        return record | ({"own_names": sorted(self.own_names)} if self.own_names else {})


class Unpacker:
    """Reads the files of one job; its copies go as the stack closes."""

    def __init__(
        self, folder: Path, settings: IntakeSettings, alive: Callable[[], None], stack: ExitStack
    ) -> None:
        self._folder = folder
        self._known = frozenset(settings.fields.values())
        self._limits = Limits(
            settings.max_unpacked, settings.max_unpacked_ratio, settings.max_line_bytes
        )
        self._alive = alive
        self._stack = stack

    def kind(self, path: Path) -> FileKind:
        """Return what a file is.

        Raises:
            Unreadable: nothing in it can be read.
        """
        found = kind_of(path, self._known)
        if isinstance(found, Bad):
            raise Unreadable(found)
        return found

    def read(self, name: str, paths: Sequence[Path]) -> UnpackedText:
        """Return the rows of files in a row as one text.

        Raises:
            Unreadable: nothing in one of them can be read.
            OSError: there is no room for a copy.
        """
        kinds = tuple(map(self.kind, paths))
        if len(paths) == 1 and kinds[0].is_plain:
            size = paths[0].stat().st_size
            return UnpackedText(paths[0], kinds, size, own_names=self._known)
        target = atomic.temporary_name(self._folder / name)
        self._stack.callback(atomic.remove_file, target)
        lines = []
        notes = tuple(FileNotes() for _ in paths)
        with target.open("wb") as file:
            for path, kind, its in zip(paths, kinds, notes, strict=True):
                pieces = unpacked(path, kind, self._limits, self._folder, its)
                lines.append(0)
                last = b"\n"
                for piece in self._watched(pieces):
                    file.write(piece)
                    lines[-1] += piece.count(b"\n")
                    last = piece[-1:] or last
                if last != b"\n" and path != paths[-1]:
                    file.write(b"\n")
                    lines[-1] += 1
        size = target.stat().st_size
        return UnpackedText(target, kinds, size, tuple(lines), notes, self._known)

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        written = since = 0
        for piece in pieces:
            since += len(piece)
            if since >= LOOK_BYTES:
                written, since = written + since, 0
                self._alive()
                failpoint("unpack.piece")
                # The rows need about as much again; a volume that is full stops the daemon.
                if shutil.disk_usage(self._folder).free < written:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
            yield piece
        failpoint("unpack.written")
