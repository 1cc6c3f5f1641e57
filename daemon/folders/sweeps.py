"""`models/sweeps/`: one directory a sweep; knows when it is over, not what its trials mean.

A command makes the directory, whole; the trainer adds trials and the result; the supervisor only
marks one that the user wants to end.
"""

import json
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.core.snapshot import SweepOnDisk
from daemon.folders import atomic
from daemon.layout import JobLayout, Layout, SweepLayout

MOST_DEATHS = 6
"""More than one trial may take before it is given up."""

SWEEP_NAME = re.compile(r"s\d{6,}\Z")


def names(layout: Layout) -> list[str]:
    """Return every sweep, by age."""
    if not layout.sweeps.is_dir():
        return []
    return sorted(e.name for e in os.scandir(layout.sweeps) if SWEEP_NAME.match(e.name))


def create(layout: Layout, rows: JobLayout, request: Callable[[str], dict[str, Any]]) -> str:
    """Make a sweep of copies of the rows, so that it needs nothing else; return its name.

    `request` is given the name and returns the content of `request.json`.
    """
    atomic.make_directory(layout.sweeps)
    number = max((int(name[1:]) for name in names(layout)), default=0)
    while True:
        number += 1
        place = layout.sweep(f"s{number:06d}")
        # Another command may have taken the number meanwhile.
        with suppress(FileExistsError), atomic.building_directory(place.folder) as folder:
            built = SweepLayout(folder)
            atomic.make_directory(built.rows.folder)
            atomic.copy_file(rows.train, built.rows.train)
            atomic.copy_file(rows.holdout, built.rows.holdout)
            # It says with which prefix the rows were taken in.
            atomic.copy_file(rows.report, built.rows.report)
            atomic.write_json(built.request, request(place.folder.name))
            return place.folder.name


def read_request(place: SweepLayout) -> dict[str, Any]:
    """Return what is asked for.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    request: dict[str, Any] = json.loads(place.request.read_bytes())
    return request


def read_trials(place: SweepLayout) -> list[dict[str, Any]]:
    """Return the trials that have ended, in order."""
    try:
        lines = place.trials.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def begin_trial(place: SweepLayout, number: int) -> int:
    """Note that a trial begins, durably; return how many beginnings of it had no clean end."""
    mark: dict[str, int] = {}
    with suppress(OSError, ValueError):
        mark = json.loads(place.trial.read_bytes())
    before = mark.get("starts", 0) if mark.get("number") == number else 0
    atomic.write_json(place.trial, {"number": number, "starts": before + 1})
    return before


def leave_trial(place: SweepLayout) -> None:
    """Note that the trial in hand was left on purpose; it begins again as if it never had."""
    atomic.remove_file(place.trial)


def add_trial(place: SweepLayout, trials: Iterable[dict[str, Any]]) -> None:
    """Write all the trials that have ended, the new one last; readers see whole lines only."""
    atomic.write_json_lines(place.trials, trials)
    atomic.remove_file(place.trial)


def conclude(
    place: SweepLayout, page: str, draw: Callable[[Path], object], result: dict[str, Any]
) -> None:
    """Write the report and its picture, then the result: with it the sweep is over.

    The copies of the rows are of no use any more.
    """
    atomic.write_bytes(place.report, page.encode())
    with atomic.replacing(place.picture) as temporary:
        draw(temporary)
    atomic.write_json(place.result, result)
    atomic.remove_directory(place.rows.folder)


def read_result(place: SweepLayout) -> dict[str, Any] | None:
    """Return the result; None while the sweep is not over."""
    try:
        result: dict[str, Any] = json.loads(place.result.read_bytes())
    except FileNotFoundError:
        return None
    return result


class Sweeps:
    """The sweeps of a workspace as the supervisor sees them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._over: set[str] = set()
        self._known: dict[str, SweepOnDisk] = {}
        self._deaths: dict[str, int] = {}
        self.parked: dict[str, str] = {}
        """Sweeps that are not gone on with before the next start, with the reason."""

    def make_folders(self) -> None:
        """Make the folder; what a command builds there just now is left alone."""
        atomic.make_directory(self._layout.sweeps)

    def waiting(self) -> tuple[SweepOnDisk, ...]:
        """Return the sweeps that are not over, by age."""
        return tuple(
            replace(self._known[name], skip=self._layout.sweep(name).skip.exists())
            for name in names(self._layout)
            if self._is_waiting(name)
        )

    def _is_waiting(self, name: str) -> bool:
        if name in self._over or name in self.parked:
            return False
        place = self._layout.sweep(name)
        if place.result.exists():
            self._over.add(name)
            return False
        if name not in self._known:
            try:
                request = read_request(place)
                file, start = str(request["file"]), request["start_version"]
                self._known[name] = SweepOnDisk(name, file, start)
            except (OSError, ValueError, KeyError, TypeError) as error:
                self.parked[name] = f"models/sweeps/{name} is no sweep: {error}"
        return name in self._known

    def leave_trial(self, sweep: str) -> None:
        """Note that the trial in hand was ended on purpose, where the trainer could not."""
        leave_trial(self._layout.sweep(sweep))

    def count_death(self, sweep: str, how: str) -> None:
        """Count a death of the trainer; a sweep that has many without a trial between is parked."""
        self._deaths[sweep] = self._deaths.get(sweep, 0) + 1
        if self._deaths[sweep] >= MOST_DEATHS:
            why = f"crashed the trainer {self._deaths[sweep]} times ({how})"
            self.parked[sweep] = f"{sweep} {why}; it is tried again at the next start"

    def progressed(self, sweep: str) -> None:
        """Count a sweep's deaths from zero again: a trial has ended."""
        self._deaths.pop(sweep, None)

    def has(self, sweep: str) -> bool:
        """Return whether there is a sweep of this name; the trainer also does other work."""
        return sweep in self._known

    def skip(self, sweep: str) -> None:
        """Journal that a sweep is to end with what it has."""
        atomic.write_bytes(self._layout.sweep(sweep).skip, b"")
