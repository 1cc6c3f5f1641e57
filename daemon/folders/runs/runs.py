"""The trainer's files in `models/runs/<run>/`: frozen choices, checkpoints, metrics, candidate.

A checkpoint, like a candidate, is a directory that appears by one rename, with its manifest in it.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.core.decisions.snapshot import Ended
from daemon.core.records import JsonObject, from_json_value, to_json_value
from daemon.core.training.early_stopping import EarlyStopped
from daemon.core.training.fallback import Fallback, Fallbacks
from daemon.core.training.manifests import Draft, FileFacts, FileList
from daemon.core.training.progress import MetricsLine
from daemon.core.training.run_requests import ExamProgress, RunRequest, SampleCount
from daemon.errors import RunFault
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import parse_record, read_record, write_record
from daemon.layout_jobs import RunLayout

MANIFEST = "manifest.json"
BROKEN = "broken-"
SHORTAGES = "shortages"
BEHIND = "behind"
"""In a partial step, the step in the run of the checkpoint before it."""
CHECKSUM = "sha256"
"""Checksum over all other keys of `run.json`: a flipped digit would train another row."""

ROOM_FACTOR = 2
"""Free space a checkpoint needs, in sizes of the last one: others write too."""

START_OVER = "'finetuned retrain' starts the run over"


def read_request(place: RunLayout) -> RunRequest:
    """Return the supervisor's request.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    return read_record(place.request, RunRequest)


def read_frozen(place: RunLayout) -> JsonObject | None:
    """Return `run.json`, the request and the choices in one; None before it is committed.

    Raises:
        ValueError: it is damaged.
        NewerRecord: a later release wrote it.
        OSError: it cannot be read.
    """
    try:
        frozen = read_record(place.frozen, JsonObject)
    except FileNotFoundError:
        return None
    # Those written before there was a checksum have none.
    if frozen.pop(CHECKSUM, None) not in (None, _checksum(frozen)):
        raise ValueError("its checksum does not match")
    return frozen


def quarantine_frozen(place: RunLayout) -> Path:
    """Move a damaged `run.json` out of the way; return its new path."""
    number = 1
    while (target := place.frozen.with_name(f"{BROKEN}{number}-{place.frozen.name}")).exists():
        number += 1
    atomic.move(place.frozen, target)
    return target


def _checksum(record: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def freeze(place: RunLayout, record: JsonObject) -> None:
    """Write `run.json`; checkpoints, fallbacks and end of an earlier one are removed."""
    atomic.remove_directory(place.checkpoints)
    atomic.remove_directory(place.part)
    atomic.remove_file(place.ladder)
    atomic.remove_file(place.stopped)
    atomic.remove_file(place.samples)
    forget_shortages(place)
    # Compact: a run of a million rows lists each of them.
    sealed = {**record, CHECKSUM: _checksum(record)}
    atomic.write_bytes(place.frozen, json.dumps(sealed, allow_nan=False).encode() + b"\n")


def read_fallbacks(place: RunLayout) -> list[Fallback]:
    """Return the fallbacks in the order in which they were appended.

    Raises:
        RunFault: the file is damaged; without it the run would not give the same model.
    """
    try:
        return list(read_record(place.ladder, Fallbacks).rungs)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        message = f"{place.ladder} cannot be read ({error}): {START_OVER}"
        raise RunFault("ladder_damaged", message) from error


def append_fallback(place: RunLayout, fallback: Fallback) -> None:
    """Append a fallback durably; earlier ones stay, because earlier checkpoints depend on them.

    Raises:
        RunFault: the file is damaged.
    """
    write_record(place.ladder, Fallbacks(rungs=(*read_fallbacks(place), fallback)))


def write_stopped(place: RunLayout, stopped: EarlyStopped) -> None:
    """Write durably that the run ends at its best step."""
    atomic.write_json(place.stopped, {"schema_version": 1, **to_json_value(stopped)})


def write_sample_count(place: RunLayout, count: int) -> None:
    """Write durably how many samples each evaluation of the run answers."""
    write_record(place.samples, SampleCount(count=count))


def read_sample_count(place: RunLayout) -> int | None:
    """Return how many samples each evaluation answers; None before the first, or if damaged.

    No decision depends on it: after damage the next evaluation measures it again.
    """
    try:
        return read_record(place.samples, SampleCount).count
    except (OSError, ValueError):
        return None


def read_stopped(place: RunLayout) -> EarlyStopped | None:
    """Return at which step the run was stopped early; None if it was not.

    Raises:
        RunFault: the file is damaged; without it the run would not give the same model.
    """
    try:
        return read_record(place.stopped, EarlyStopped)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        message = f"{place.stopped} cannot be read ({error}): {START_OVER}"
        raise RunFault("stopped_damaged", message) from error


def count_shortage(place: RunLayout) -> int:
    """Count durably that memory ran out before the choices were frozen; return the count."""
    path = place.folder / SHORTAGES
    try:
        count = int(path.read_text()) + 1
    except (FileNotFoundError, ValueError):
        count = 1
    atomic.write_bytes(path, b"%d\n" % count)
    return count


def forget_shortages(place: RunLayout) -> None:
    """Reset the count."""
    atomic.remove_file(place.folder / SHORTAGES)


def begin_attempt(place: RunLayout) -> int:
    """Take the number of this attempt, durably: metrics of a higher one replace a lower's."""
    path = place.folder / "attempt"
    try:
        number = int(path.read_text()) + 1
    except (FileNotFoundError, ValueError):
        number = 0
    atomic.write_bytes(path, b"%d\n" % number)
    return number


def note_exam_progress(place: RunLayout) -> None:
    """Record that the exam makes progress: earlier starts are no longer futile."""
    path, known = place.folder / "exam.json", 0
    with suppress(OSError, ValueError):
        known = read_record(path, ExamProgress).starts
    write_record(path, ExamProgress(known + 1))


def commit(
    place: RunLayout,
    step_in_run: int,
    fill: Callable[[Path], None],
    keep: int,
    best: int | None = None,
) -> None:
    """Write the checkpoint of a step, if there is none.

    All but the last `keep` are removed, except that of step `best`.
    """
    atomic.make_directory(place.checkpoints)
    target = place.checkpoints / f"c{step_in_run:08d}"
    if not target.exists():
        with atomic.building_directory(target) as folder:
            fill(folder)
            atomic.write_bytes(folder / MANIFEST, _manifest_of(describe(folder)))
    for old in _checkpoints(place)[:-keep]:
        if step_of(old) != best:
            atomic.remove_directory(old)


def keep_part(place: RunLayout, step_in_run: int, fill: Callable[[Path], None]) -> None:
    """Save the finished passes of the step after a checkpoint, to resume there."""
    atomic.remove_directory(place.part)
    with atomic.building_directory(place.part) as folder:
        fill(folder)
        atomic.write_bytes(folder / BEHIND, b"%d\n" % step_in_run)
        atomic.write_bytes(folder / MANIFEST, _manifest_of(describe(folder)))


def take_part(place: RunLayout, step_in_run: int, read: Callable[[Path], None]) -> None:
    """Give the saved passes to `read`, once: after another checkpoint they would be wrong.

    Damaged ones, or those after another checkpoint, are ignored and computed again.
    """
    if not place.part.is_dir():
        return
    with suppress(OSError, RuntimeError, ValueError, KeyError, TypeError):
        if verify(place.part) is None and int((place.part / BEHIND).read_text()) == step_in_run:
            read(place.part)
    atomic.remove_directory(place.part)


def has_room_for_commit(place: RunLayout, start: Path) -> bool:
    """Return whether twice the size of the last checkpoint is free.

    The first one is assumed to be as large as adapter and moments of the version `start`.
    """
    last = max(_checkpoints(place), default=start)
    size = sum(path.stat().st_size for path in last.glob("*.safetensors"))
    return shutil.disk_usage(place.folder).free >= ROOM_FACTOR * size


def newest_checkpoint(place: RunLayout) -> tuple[Path | None, list[str]]:
    """Return the newest checkpoint that verifies, and the problems of newer ones.

    A broken one is renamed, so that its step can be written again.
    """
    atomic.purge_leftovers(place.folder)
    atomic.purge_leftovers(place.checkpoints)
    problems: list[str] = []
    for folder in reversed(_checkpoints(place)):
        problem = verify(folder)
        if problem is None:
            return folder, problems
        problems.append(f"{folder.name}: {problem}")
        target = folder.with_name(BROKEN + folder.name)
        if target.exists():
            atomic.remove_directory(target)
        atomic.move(folder, target)
    return None, problems


def append_metrics(place: RunLayout, offset: int, records: Iterable[Mapping[str, object]]) -> int:
    """Append lines durably after the first `offset` bytes; return the new length.

    Raises:
        ValueError: a number is not finite.
    """
    return _append(place.metrics, offset, records)


def append_answers(place: RunLayout, offset: int, records: Iterable[Mapping[str, object]]) -> int:
    """Append answers to probes, as `append_metrics` does metrics."""
    return _append(place.evolution, offset, records)


def _append(path: Path, offset: int, records: Iterable[Mapping[str, object]]) -> int:
    lines = [json.dumps(record, allow_nan=False).encode() + b"\n" for record in records]
    return atomic.append_at(path, offset, b"".join(lines))


def read_metrics(place: RunLayout, size: int) -> Iterator[MetricsLine]:
    """Yield the metrics in the first `size` bytes."""
    return _read(place.metrics, size)


def read_answers(place: RunLayout, size: int) -> Iterator[JsonObject]:
    """Yield the answers to probes in the first `size` bytes."""
    return _read(place.evolution, size)


def _read(path: Path, size: int) -> Iterator[Any]:
    if size == 0:
        return
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)
            if file.tell() >= size:
                return


def step_of(folder: Path | None) -> int:
    """Return the step in the run of a checkpoint; 0 for none."""
    return 0 if folder is None else int(folder.name[1:])


def newest_step(place: RunLayout) -> int:
    """Return the step in the run of its newest checkpoint, unverified; 0 for none."""
    return max(map(step_of, _checkpoints(place)), default=0)


def step_before(place: RunLayout, step_in_run: int) -> int:
    """Return the step in the run of the newest checkpoint before a step; 0 for none."""
    return max(
        (step for step in map(step_of, _checkpoints(place)) if step < step_in_run), default=0
    )


def roll_back(place: RunLayout, before: int) -> int:
    """Remove the checkpoints after a step; return the step of the newest one left, or 0."""
    remove_after(place, before)
    return step_of(newest_checkpoint(place)[0])


def remove_after(place: RunLayout, step_in_run: int) -> None:
    """Remove the checkpoints after a step."""
    for folder in _checkpoints(place):
        if step_of(folder) > step_in_run:
            atomic.remove_directory(folder)


def _checkpoints(place: RunLayout) -> list[Path]:
    if not place.checkpoints.is_dir():
        return []
    return sorted(path for path in place.checkpoints.iterdir() if path.name.startswith("c"))


def describe(folder: Path) -> dict[str, FileFacts]:
    """Return size and SHA-256 of every file in a directory, as manifests hold them."""
    return {
        path.name: FileFacts(_digest(path), path.stat().st_size)
        for path in sorted(folder.iterdir())
    }


def _manifest_of(files: Mapping[str, FileFacts]) -> bytes:
    return json.dumps(to_json_value(FileList(files=files)), indent=1).encode() + b"\n"


def verify(folder: Path) -> str | None:
    """Read every file of a checkpoint; return the problem in a few words, or None.

    The manifest is determined by the files, byte for byte, so it needs no checksum of its own.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
        files = parse_record(data, FileList, folder / MANIFEST).files
        if _manifest_of(files) != data:
            return f"{MANIFEST} differs from what was written"
        for name, facts in files.items():
            path = folder / name
            if path.stat().st_size != facts.size or _digest(path) != facts.sha256:
                return f"{name} differs from its manifest"
    except (OSError, ValueError) as error:
        return f"it cannot be read ({error})"
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_merged(place: RunLayout, fill: Callable[[Path], None]) -> Path:
    """Write a point between start and end of a run, in place of another; return its folder."""
    atomic.remove_directory(place.merged)
    with atomic.building_directory(place.merged) as folder:
        fill(folder)
        atomic.write_bytes(folder / MANIFEST, _manifest_of(describe(folder)))
    return place.merged


def write_candidate(
    place: RunLayout, fill: Callable[[Path], None], draft: Draft, droppable: str
) -> None:
    """Create the candidate directory; the draft lists its files and is written last."""
    with atomic.building_directory(place.candidate) as folder:
        fill(folder)
        files = describe(folder)
        if droppable in files:
            one = files[droppable]
            files[droppable] = FileFacts(one.sha256, one.size, droppable=True)
        write_record(folder / place.draft.name, replace(draft, files=files))


def end(place: RunLayout, outcome: str, code: str, message: str) -> None:
    """Write that the run has ended without a candidate."""
    record = {"outcome": outcome, "code": code, "message": message}
    write_record(place.ended, from_json_value(record, Ended))
