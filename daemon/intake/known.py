"""What a job's rows are compared with: rows trained in the lineage, hold-outs of every job."""

from dataclasses import dataclass
from typing import Any

from daemon.folders import fingerprints
from daemon.folders.queue import find_job
from daemon.layout import Layout


@dataclass(frozen=True)
class Known:
    """The keys of other jobs, mapped from disk."""

    seen: tuple[tuple[str, fingerprints.Keys], ...]
    exams: tuple[tuple[str, fingerprints.Keys], ...]

    @classmethod
    def read(cls, layout: Layout, context: dict[str, Any]) -> "Known":
        """Open what the context names; a job removed by hand is no longer known."""
        return cls(
            tuple(_keys(layout, context["seen_jobs"], "train")),
            tuple(_keys(layout, context["holdout_jobs"], "holdout")),
        )

    def trained(self, key: bytes) -> dict[str, Any] | None:
        """Return the job and line that taught this row already."""
        return _find(self.seen, key)

    def examined(self, key: bytes) -> dict[str, Any] | None:
        """Return the job and line that hold this row out."""
        return _find(self.exams, key)


def _keys(layout: Layout, jobs: list[str], kind: str) -> list[tuple[str, fingerprints.Keys]]:
    found = []
    for job in jobs:
        place = find_job(layout, job)
        if place is not None:
            path = place.train_fingerprints if kind == "train" else place.holdout_fingerprints
            found.append((job, fingerprints.read(path)))
    return found


def _find(indexes: tuple[tuple[str, fingerprints.Keys], ...], key: bytes) -> dict[str, Any] | None:
    for job, keys in indexes:
        line = fingerprints.find(keys, key)
        if line is not None:
            return {"job": job, "line": line}
    return None
