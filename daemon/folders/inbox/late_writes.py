"""Late writes: turns what is written to a dropped file after its claim into a file of its own.

A program that still has the file open does not notice the rename: it goes on writing into the job's
`original.*`. Lines that it adds become a new file in `inbox/` once they have settled. A file of
another kind, or one that was overwritten, becomes a new file as a whole.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from daemon.clock import Clock
from daemon.core.decisions.snapshot import Growth
from daemon.core.workspace.file_names import copy_name, ending_of, stem_of
from daemon.core.workspace.jobs import JobCard
from daemon.folders.disk import atomic
from daemon.folders.disk.endings import end_of, last_break
from daemon.folders.disk.file_state import FileState, tail_of
from daemon.layout import Layout
from daemon.layout_jobs import STEMS
from daemon.settings_files import InboxSettings

LOOKED_AT = 256
"""The newest jobs of each state that are checked; older ones no longer have a writer."""

PIECE = 16 * 2**20
"""Most bytes of one new file: they are copied within a tick."""

LONGEST_STEM = 180
"""Bytes of the old name in the new one; a volume allows 255 in all."""


class StillWritten(Exception):
    """The file changed while it was copied: it has to settle again."""


class LateWrites:
    """Watches the original files of claimed jobs."""

    def __init__(self, layout: Layout, settings: InboxSettings, clock: Clock) -> None:
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._looked_s = -1e9
        self._found: dict[str, tuple[FileState, float]] = {}
        self.settling = 0
        """Files that had grown at the last scan: they still have to become new files."""

    def scan(self, jobs: Iterable[tuple[str, JobCard]]) -> tuple[Growth, ...]:
        """Return the settled growths of the given jobs, each with its state.

        Nothing before `rescan_s` has passed since the last scan.
        """
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < self._settings.rescan_s:
            return ()
        self._looked_s = now_s
        changed: dict[str, tuple[FileState, float]] = {}
        grown = []
        queue = os.fspath(self._layout.queue)
        for state, card in jobs:
            # Building a Path takes longer than the check itself, and there are a thousand.
            path = f"{queue}/{state}/{card.job}/{copy_name(STEMS['main'], card.name)}"
            found = _state_of(path) if card.intake is not None else None
            if found is None or not _has_changed(card, found):
                continue
            before = self._found.get(card.job)
            since_s = now_s if before is None or before[0] != found else before[1]
            changed[card.job] = found, since_s
            growth = self._growth(card, state, Path(path), found, now_s - since_s)
            if growth is not None:
                grown.append(growth)
        self._found = changed
        self.settling = len(changed)
        return tuple(grown)

    def _growth(
        self, card: JobCard, state: str, path: Path, found: FileState, still_s: float
    ) -> Growth | None:
        """Return the part of a changed file that can be copied now."""
        known, size = known_bytes(card), found.size_bytes
        if known and size > known and _is_as_it_was(path, card):
            end = self._end(path, known, size, still_s)
            return Growth(card, state, known, end, str(found)) if end > known else None
        if still_s < self._settings.settle_s:
            return None
        if still_s < self._settings.unfinished_s and not end_of(path).is_whole:
            return None
        return Growth(card, state, 0, size, str(found), is_whole=True)

    def _end(self, path: Path, begin: int, size: int, still_s: float) -> int:
        """Return up to where the new bytes can be copied: whole lines, or all after a long wait."""
        if still_s < self._settings.settle_s:
            return begin
        most = min(size, begin + PIECE)
        whole = last_break(path, begin, most)
        if whole == begin and still_s >= self._settings.unfinished_s:
            return most
        return whole


def known_bytes(card: JobCard) -> int:
    """Return how much of a job's file is in this or a later job, in bytes; 0 if unknown."""
    if card.intake is None or not card.intake.read_bytes:
        return 0
    return max(card.intake.read_bytes, card.passed_on)


def _state_of(path: str) -> FileState | None:
    try:
        return FileState.of(path)
    except FileNotFoundError:
        # Removed by the retention settings.
        return None


def _has_changed(card: JobCard, found: FileState) -> bool:
    """Return whether a file was written to since it was read or last copied.

    In a copied workspace every file has another identity: then only added bytes count.
    """
    known = known_bytes(card)
    if known and found.size_bytes > known:
        return True
    assert card.intake is not None, "only jobs that intake has read are checked"
    was = FileState.read(card.passed_as or card.intake.read_as)
    return was is not None and was.inode == found.inode and was != found


def _is_as_it_was(path: Path, card: JobCard) -> bool:
    """Return whether the last bytes that were read are unchanged."""
    intake = card.intake
    return intake is None or not intake.tail or tail_of(path, intake.read_bytes) == intake.tail


def name_of(growth: Growth) -> str:
    """Return the new file's name, unique to the growth and the same when repeated."""
    name = growth.card.name
    stem = os.fsencode(stem_of(name))[:LONGEST_STEM]
    ending = ending_of(name) or ".jsonl"
    found = FileState.read(growth.found_as) if growth.is_whole else None
    where = f"from-{growth.begin}" if found is None else f"rewritten-{found.written_ns // 10**6}"
    return f"{growth.card.arrival:06d}-{os.fsdecode(stem)}-{where}{ending}"


def copy_to(source: Path, growth: Growth, target: Path) -> None:
    """Copy the new bytes; the caller makes them durable.

    Raises:
        StillWritten: a file that is copied whole was written to in the meantime, or has moved.
    """
    if growth.is_whole:
        _copy_whole(source, growth, target)
        return
    with source.open("rb") as file, target.open("wb") as copy:
        file.seek(growth.begin)
        copy.write(file.read(growth.end - growth.begin))


def _copy_whole(source: Path, growth: Growth, target: Path) -> None:
    try:
        atomic.copy_file(source, target)
        found = FileState.of(source)
    except FileNotFoundError as error:
        raise StillWritten(f"{source} has moved") from error
    if str(found) != growth.found_as:
        raise StillWritten(f"{source} was written to while it was copied")
