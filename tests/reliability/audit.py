"""Counts in the records of a workspace how often each row was trained; believes no total."""

import json
from collections import Counter

from daemon.folders.queue.queue import find_job
from tests.end_to_end.workspace import Workspace


def audit(space: Workspace) -> list[str]:
    """Return each (file, row, epoch) that did not count exactly once in a version (I2)."""
    found: list[str] = []
    for path in sorted(space.layout.versions.glob("v*")):
        manifest = space.manifest(path.name)
        if manifest.get("job_ids"):
            steps = json.loads((path / "training_metrics.json").read_bytes())["steps"]
            wanted = {
                (job, row, epoch)
                for job in manifest["rows_by_job"]
                for row in _rows(space, job)
                for epoch in range(1, manifest["epochs"] + 1)
            }
            found += [f"I2: {path.name}: {problem}" for problem in _miscounted(steps, wanted)]
    return found


def _rows(space: Workspace, job: str) -> list[int]:
    place = find_job(space.layout, job)
    assert place is not None
    return [json.loads(line)["row"] for line in place.train.read_bytes().splitlines()]


def _miscounted(steps: list[dict[str, object]], wanted: set[tuple[str, int, int]]) -> list[str]:
    numbers = [step["step_in_run"] for step in steps]
    if numbers != list(range(1, len(steps) + 1)):
        return [f"the steps are {numbers}"]
    counts: Counter[tuple[str, int, int]] = Counter()
    for step in steps:
        trained, epoch = step["trained"], step["epoch"]
        assert isinstance(trained, dict) and isinstance(epoch, int)
        counts.update((job, row, epoch) for job, rows in trained.items() for row in rows)
    return [
        f"row {row} of {job} counted {counts[job, row, epoch]} times in epoch {epoch}"
        for job, row, epoch in sorted(wanted | set(counts))
        if counts[job, row, epoch] != ((job, row, epoch) in wanted)
    ]
