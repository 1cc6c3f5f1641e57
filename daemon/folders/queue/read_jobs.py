"""Tracks which jobs intake has read, looking only at new, moved or rewritten ones.

Looking into each of thousands of directories for each file would take longer than reading the file.
"""

import os
from contextlib import suppress
from dataclasses import dataclass

from daemon.layout import QUEUE_STATES, Layout

Names = frozenset[str]


@dataclass(frozen=True)
class ReadJob:
    """A job that intake has read."""

    state: str
    moment_ns: int
    """When its families were written, or its report where it has none."""


class ReadJobs:
    """The jobs of a workspace, remembered between scans."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._names: dict[str, Names] = {}
        self._written: set[str] = set()

    def written(self, job: str) -> None:
        """Note that a job's files were written, so that the next scan looks at it again."""
        self._written.add(job)

    def changed(self) -> dict[str, ReadJob | None]:
        """Scan; return by arrival the jobs that are new, have moved or were written since.

        None for a job that was removed or has not been read.
        """
        changed, self._written = self._written, set()
        # Twice at first: a job that moves back meanwhile is in no listing, and not yet known.
        for state in QUEUE_STATES if self._names else 2 * QUEUE_STATES:
            names = self._listed(state)
            changed |= names ^ self._names.get(state, frozenset())
            self._names[state] = names
        return {job: self._look(job) for job in sorted(changed) if not job.startswith(".")}

    def _listed(self, state: str) -> Names:
        with suppress(FileNotFoundError):
            return frozenset(os.listdir(self._layout.queue / state))
        return frozenset()

    def _look(self, job: str) -> ReadJob | None:
        """Find a job where it was listed, the later state first; it may have moved since."""
        states = QUEUE_STATES[::-1]
        listed = (state for state in states if job in self._names[state])
        for state in (*listed, *states):
            folder = f"{self._layout.queue}/{state}/{job}"
            for name in ("families.npy", "report.json"):
                moment_ns = _moment_ns(f"{folder}/{name}")
                if moment_ns is not None:
                    return ReadJob(state, moment_ns)
            if os.path.isdir(folder):
                return None
        return None


def _moment_ns(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None
