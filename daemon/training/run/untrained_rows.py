"""Reports the rows that a run did not train, as lines of `rejected.jsonl`, each with a hint."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TypedDict

from daemon.core.records import JsonObject, to_json_value
from daemon.core.rows.refusal import raw_text
from daemon.core.training.run_state import SkippedRow
from daemon.files.limits import Unreadable
from daemon.files.unpacking import lines
from daemon.folders.queue import reports
from daemon.layout_jobs import JobLayout
from daemon.training.data.rows import JobRows
from daemon.training.records.choices import Choices, Request

Record = Mapping[str, object]

HINTS = {
    "not_finite": (
        "the model's loss on this row is not finite: look for text it has never seen "
        "(binary data, endless repetition), and fix or remove it"
    ),
    "no_room": (
        'memory ran out with rows of this length: set training.over_long = "truncate" or "split", '
        "shorten it, or choose a smaller model or fewer training.num_layers"
    ),
    "exam_row": (
        "a row of an exam is never trained; to train it remove it from evals/, or set "
        "holdout.share = 0 for the file that holds it out"
    ),
    "withheld": (
        "variants of a row on an exam are never trained; if it is not a variant, give it another "
        "'group' or first question"
    ),
    "duplicate_seen": (
        "it was trained, or gathered, before; to train both rows give them one 'group', or "
        "raise dedup.threshold"
    ),
    "conflict": (
        "it contradicts a row trained before, and dedup.conflicts or dedup.corrections is refuse"
    ),
    "superseded": (
        "a later file answers its question differently; 'finetuned retrain --as-new' makes this "
        'file the later one, dedup.corrections = "keep" trains both'
    ),
}
WORDS = {
    "not_finite": "with a loss that is not finite",
    "no_room": "too long for the available memory",
    "exam_row": "on an exam",
    "withheld": "variants of a row on an exam",
    "duplicate_seen": "trained before",
    "conflict": "contradicting a row trained before",
    "superseded": "corrected by a later file",
}


class UntrainedRow(TypedDict, total=False):
    """A row that a run did not train: its number, why, and at which step."""

    row: int
    code: str
    step: int


class PlacedRow(UntrainedRow, total=False):
    """The row with its place and its text in the original file."""

    line: int
    offset: int
    length: int
    hint: str
    raw: str | None


def left_out(
    request: Request, choices: Choices, rows: JobRows, skipped: Iterable[SkippedRow] = ()
) -> Iterator[JsonObject]:
    """Yield a line of `rejected.jsonl` for each untrained row of the run's own jobs.

    Each original file is read once, up to the last of these rows.
    """
    facts: dict[str, list[UntrainedRow]] = {
        job: [to_json_value(row) for row in choices.dropped.get(job, ())] for job in request.jobs
    }
    for row in skipped:
        if row.job in facts:
            facts[row.job].append({"row": row.row, "code": row.code, "step": row.step})
    for job, records in facts.items():
        for record in with_places(rows, job, records):
            yield {"job": job, "run": request.run, **record}


def with_places(rows: JobRows, job: str, records: Collection[UntrainedRow]) -> Iterator[PlacedRow]:
    """Yield records of rows with their line, offset and raw text in the original file."""
    index = rows.train(job)
    by_line: dict[int, list[UntrainedRow]] = {}
    for record in records:
        position = index.place(record["row"])
        number = 0 if position is None else int(index.lines[position])
        by_line.setdefault(number, []).append(record)
    for line, offset, raw in _lines(rows.find(job), set(by_line)):
        for record in by_line[line]:
            yield {
                "line": line,
                "offset": offset,
                "length": len(raw),
                **record,
                "hint": HINTS[record["code"]],
                "raw": raw_text(raw),
            }


def _lines(place: JobLayout, wanted: set[int]) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, offset and bytes of some lines of a job's original file, in order.

    The bytes are empty if the file was removed, or changed so that it cannot be read. Memory
    holds one line at a time.
    """
    missing, offset = set(wanted), 0
    with suppress(Unreadable):
        own_names = _own_names(place)
        for number, data in enumerate(lines(place.original, place.folder, own_names), 1):
            if not missing:
                return
            if number in missing:
                missing.remove(number)
                yield number, offset, data.rstrip(b"\r\n")
            offset += len(data)
    for number in sorted(missing):
        yield number, offset, b""


def _own_names(place: JobLayout) -> list[str]:
    """Return the user's names of keys by which a job's file was read."""
    report = reports.read(place)
    return [] if report is None else list(report.file.own_names)


def why_nothing_left(
    request: Request, choices: Choices, skipped: Iterable[SkippedRow] = ()
) -> tuple[str, str]:
    """Return outcome and message of a run that has no row of its own left to train."""
    reasons = [row.code for job in request.jobs for row in choices.dropped.get(job, ())]
    reasons += [row.code for row in skipped if row.job in request.jobs]
    jobs = ", ".join(request.jobs)
    if set(reasons) <= {"duplicate_seen"}:
        return "nothing_new", f"every row of {jobs} has been trained before"
    if set(reasons) <= {"superseded"}:
        message = f"a later file has corrected every row of {jobs}; retrain --as-new trains it"
        return "nothing_left", message
    counted = Counter(reasons).most_common()
    parts = ", ".join(f"{count} {WORDS[code]}" for code, count in counted)
    return "nothing_left", f"no row of {jobs} is left to train: {parts}"
