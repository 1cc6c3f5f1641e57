"""What is written to a dropped file after it was taken in; decides nothing.

A rename does not tell the program that still holds the file open: it writes on into the job's
`original.jsonl`. What it adds becomes a file in `inbox/` of its own, once it lies still.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from daemon.clock import Clock
from daemon.core.decisions.snapshot import Growth
from daemon.core.workspace.file_names import ending_of, kept_as, stem_of
from daemon.core.workspace.jobs import JobCard
from daemon.folders.disk.endings import last_break
from daemon.layout import Layout
from daemon.layout_jobs import STEMS
from daemon.settings_files import InboxSettings

LOOKED_AT = 256
"""The newest jobs of each state whose files are looked at; older ones have no writer any more."""

PIECE = 16 * 2**20
"""Most bytes that become one file: they are copied within a tick."""

LONGEST_STEM = 180
"""Bytes of the old name that the new one keeps; a volume allows 255 in all."""


class LateWrites:
    """Looks at the files of the jobs that were taken in."""

    def __init__(self, layout: Layout, settings: InboxSettings, clock: Clock) -> None:
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._looked_s = -1e9
        self._sizes: dict[str, tuple[int, float]] = {}
        self.settling = 0
        """Files that had grown at the last look: until they are passed on, there is work."""

    def look(self, jobs: Iterable[tuple[str, JobCard]]) -> tuple[Growth, ...]:
        """Return what has grown and lies still, of jobs with the state each is in.

        Nothing before `rescan_s` has passed since the last look.
        """
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < self._settings.rescan_s:
            return ()
        self._looked_s = now_s
        sizes: dict[str, tuple[int, float]] = {}
        grown = []
        queue = os.fspath(self._layout.queue)
        for state, card in jobs:
            known = known_bytes(card)
            # A path made the long way takes longer than the look, and there are a thousand.
            path = f"{queue}/{state}/{card.job}/{kept_as(STEMS['main'], card.name)}"
            size = _size(path) if known else 0
            if size <= known:
                continue
            before = self._sizes.get(card.job)
            since_s = now_s if before is None or before[0] != size else before[1]
            sizes[card.job] = size, since_s
            end = self._end(Path(path), known, size, now_s - since_s)
            if end > known:
                grown.append(Growth(card, state, known, end))
        self._sizes = sizes
        self.settling = len(sizes)
        return tuple(grown)

    def _end(self, path: Path, begin: int, size: int, still_s: float) -> int:
        """Return how far the new bytes may be taken: whole lines, or all after a long wait."""
        if still_s < self._settings.settle_s:
            return begin
        most = min(size, begin + PIECE)
        whole = last_break(path, begin, most)
        if whole == begin and still_s >= self._settings.unfinished_s:
            return most
        return whole


def known_bytes(card: JobCard) -> int:
    """Return how much of a job's file has been taken in or passed on; 0 where it is not known."""
    if card.intake is None or not card.intake.read_bytes:
        return 0
    return max(card.intake.read_bytes, card.passed_on)


def name_of(growth: Growth) -> str:
    """Return what the new file is called: no two growths share it, and a repeat finds it again."""
    name = growth.card.name
    stem = os.fsencode(stem_of(name))[:LONGEST_STEM]
    ending = ending_of(name) or ".jsonl"
    return f"{growth.card.arrival:06d}-{os.fsdecode(stem)}-from-{growth.begin}{ending}"


def copy_to(source: Path, growth: Growth, target: Path) -> None:
    """Copy the new bytes; the caller makes them durable."""
    with source.open("rb") as file, target.open("wb") as copy:
        file.seek(growth.begin)
        copy.write(file.read(growth.end - growth.begin))


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        # Removed by the retention settings.
        return 0
