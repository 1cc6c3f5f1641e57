"""What must lie in a workspace after a power cut: all that was told before, and nothing half.

Reads the folders with the daemon's own readers and starts no process.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.folders.models import current_model, models
from daemon.folders.queue import queue
from daemon.folders.runs import runs as run_folder
from daemon.layout import ENDED, QUEUE_STATES, Layout
from daemon.layout_jobs import JobLayout
from daemon.supervisor.journal import BOOT_FACTOR
from daemon.training.records.state import COMMITTED_STATE
from tests.reliability.scenario import FILES

Event = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What a reader of `status/` has seen."""

    events: tuple[Event, ...] = ()
    committed_step: int | None = None
    job_files: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    """What each job holds when it has been taken in, by name."""

    @classmethod
    def of(cls, events: bytes, status: bytes, job_files: Mapping[str, dict[str, bytes]]) -> "Told":
        """Return what two files of `status/` say; a last line that is not whole says nothing."""
        lines = events[: events.rfind(b"\n") + 1].splitlines()
        document = json.loads(status) if status else {}
        return cls(tuple(map(json.loads, lines)), document.get("committed_step"), job_files)


def lost(root: Path, told: Told) -> list[str]:
    """Return what was told and is not there."""
    layout = Layout(root)
    found = [
        problem
        for event in told.events
        if (check := PROMISES.get(event["event"])) is not None
        for problem in check(layout, told, event)
    ]
    return [
        *found,
        *_link(layout, told),
        *_numbers(layout, told),
        *_twins(layout, told),
        *_status(told),
    ]


def halves(root: Path) -> list[str]:
    """Return what is there and not whole; names of things that are being made do not count."""
    layout = Layout(root)
    return [*_damaged(layout), *_no_json(layout), *_lost_target(layout)]


# --- what was told ---------------------------------------------------------------------------


def _claimed(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    place = queue.find_job(layout, event["job"])
    if place is None or not place.original.exists():
        yield f"I1: {event['job']} was claimed and is nowhere"


def _queued(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    place = queue.find_job(layout, event["job"])
    if place is None:
        yield f"I1: {event['job']} was queued and is nowhere"
        return
    yield from _as_dropped(place)
    for name, data in told.job_files[event["job"]].items():
        path = place.folder / name
        if not path.is_file() or path.read_bytes() != data:
            yield f"I1: {path} was there when {event['job']} was queued, and is lost or altered"


def _as_dropped(place: JobLayout) -> Iterator[str]:
    try:
        name = json.loads(place.job_file.read_bytes())["name"]
        if place.original.read_bytes() != FILES[name]:
            yield f"I1: {place.original} is not as it was dropped"
    except (OSError, ValueError, KeyError) as error:
        yield f"I1: {place.folder} was taken in and cannot be read: {error!r}"


def _ended(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    place = layout.job(event["state"], event["job"])
    try:
        card = json.loads(place.job_file.read_bytes())
        if card["outcome"] != event["outcome"]:
            yield f"S8: {place.folder} does not say {event['outcome']}"
    except (OSError, ValueError, KeyError) as error:
        yield f"S8: {event['job']} was said to be {event['state']}: {error!r}"
    yield from _as_dropped(place)


def _opened(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    if not (layout.run(event["run"]).request.exists() or _record(layout, event["run"]).exists()):
        yield f"S8: {event['run']} was opened and is nowhere"


def _committed(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    """A step that was told is never trained again: there is a checkpoint of it or a later one."""
    place = layout.run(event["run"])
    if _record(layout, event["run"]).exists() or _sealed_of(layout, event["run"]):
        return
    steps = [
        json.loads((folder / COMMITTED_STATE).read_bytes())["step"]
        for folder in place.checkpoints.glob("c*")
        if run_folder.verify(folder) is None
    ]
    if max(steps, default=0) < event["step"]:
        yield f"I5: {event['run']} committed step {event['step']}; there is {steps}"


def _sealed(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    problem = models.verify(layout.version(event["version"]))
    if problem is not None:
        yield f"I4: {event['version']} was sealed: {problem}"


def _run_ended(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    if layout.run(event["run"]).folder.exists() or not _record(layout, event["run"]).exists():
        yield f"S8: {event['run']} was said to have ended"


def _prepared(layout: Layout, told: Told, event: Event) -> Iterator[str]:
    if not any(layout.bases.glob("*/tokenizer.json")):
        yield "S8: the base model was said to be ready"


PROMISES: dict[str, Callable[[Layout, Told, Event], Iterator[str]]] = {
    "claimed": _claimed,
    "queued": _queued,
    "job_ended": _ended,
    "run_opened": _opened,
    "committed": _committed,
    "sealed": _sealed,
    "run_ended": _run_ended,
    "prepared": _prepared,
}


def _record(layout: Layout, run: str) -> Path:
    return layout.ended_runs / f"{run}.json"


def _sealed_of(layout: Layout, run: str) -> bool:
    return any(manifest.run == run for manifest in models.read_manifests(layout))


def _status(told: Told) -> Iterator[str]:
    """The status claims no step that was not told as committed."""
    steps = [event["step"] for event in told.events if event["event"] == "committed"]
    if (told.committed_step or 0) > max(steps, default=0):
        yield f"S8: the status says that step {told.committed_step} is committed; told are {steps}"


def _link(layout: Layout, told: Told) -> Iterator[str]:
    promoted = [event["version"] for event in told.events if event["event"] == "promoted"]
    now = current_model.read(layout)
    # A later one may be current already: the move is told after it.
    if promoted and (now is None or now < promoted[-1]):
        yield f"I4: {promoted[-1]} was promoted, and current_model names {now}"


def _numbers(layout: Layout, told: Told) -> Iterator[str]:
    """Numbers are never given twice: counters are ahead of all that was told."""
    counters = {
        "job": layout.queue / ".arrivals",
        "run": layout.runs / ".last",
        "version": layout.versions / ".last",
    }
    for fact, path in counters.items():
        names = [event[fact] for event in told.events if isinstance(event.get(fact), str)]
        numbers = [int(name.split("-")[0].lstrip("rv")) for name in names]
        yield from _behind(path, max(numbers, default=-1))
    boots = [event["seq"] // BOOT_FACTOR for event in told.events]
    yield from _behind(layout.queue / ".boots", max(boots, default=-1))


def _behind(path: Path, most: int) -> Iterator[str]:
    try:
        number = int(path.read_text())
    except (OSError, ValueError):
        number = -1
    if number < most:
        yield f"V8: {path.name} of {path.parent} says {number}, and {most} was told"


def _twins(layout: Layout, told: Told) -> Iterator[str]:
    """A job that was said to have ended lies in one place only."""
    for event in told.events:
        if event["event"] == "job_ended":
            states = [s for s in QUEUE_STATES if layout.job(s, event["job"]).folder.exists()]
            if len(states) > 1:
                yield f"I1: {event['job']} lies in {states}"


# --- what is there ---------------------------------------------------------------------------


def _shown(folder: Path, beginning: str) -> list[Path]:
    return [path for path in sorted(folder.glob(f"{beginning}*")) if path.is_dir()]


def _damaged(layout: Layout) -> Iterator[str]:
    for path in (*_shown(layout.versions, "v"), *_shown(layout.backups, "v")):
        if (problem := models.verify(path)) is not None:
            yield f"I4: {path}: {problem}"
    for path in layout.runs.glob("r*/checkpoints/c*"):
        if (problem := run_folder.verify(path)) is not None:
            yield f"T1: {path}: {problem}"
    for path in layout.runs.glob("r*/candidate"):
        try:
            files = json.loads((path / "draft.json").read_bytes())["files"]
            bad = [n for n, facts in files.items() if models.digest(path / n) != facts["sha256"]]
        except (OSError, ValueError, KeyError) as error:
            bad = [repr(error)]
        if bad:
            yield f"T1: {path}: {bad}"
    for job in (path for state in ENDED for path in _shown(layout.queue / state, "0")):
        yield from _as_dropped(JobLayout(job))


def _no_json(layout: Layout) -> Iterator[str]:
    for top in (layout.queue, layout.models):
        for folder, names, files in os.walk(top):
            names[:] = [name for name in names if not name.startswith((".tmp-", ".trash-"))]
            for name in files:
                if name.endswith(".json") and not name.startswith(".tmp-"):
                    try:
                        json.loads(Path(folder, name).read_bytes())
                    except ValueError as error:
                        yield f"T1: {Path(folder, name)}: {error}"


def _lost_target(layout: Layout) -> Iterator[str]:
    if layout.current_model.is_symlink() and not (layout.current_model / models.MANIFEST).exists():
        yield "I4: current_model leads nowhere"
