"""Splits the rows that stay and writes them with their keys: what a job is trained from."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from daemon.analysis.statistics import Statistics
from daemon.core.records import JsonObject
from daemon.core.rows import holdout
from daemon.core.rows.examples import Example, from_record
from daemon.dedup.sealing import Sealer, exact_only, exam_keys, question_of
from daemon.folders.disk import atomic
from daemon.folders.queue import fingerprints
from daemon.folders.queue.fingerprints import Keys
from daemon.intake.families import Split
from daemon.intake.gathering import GatheredRows
from daemon.layout_jobs import JobLayout

BINS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
BATCH = 512
SEALED_AT_ONCE = 1 << 16
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CorrectedItem:
    """An exam row of an earlier job that a row corrects."""

    job: str
    row: int
    line: int
    half: holdout.Half

    def as_record(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {"job": self.job, "row": self.row, "line": self.line}


Corrected = Mapping[int, CorrectedItem]
"""By the place of the row that corrects it."""


@dataclass
class Written:
    """What lies in the job's directory."""

    train: int = 0
    halves: dict[str, int] = field(default_factory=lambda: {"tune": 0, "judge": 0})
    tokens: JsonObject = field(default_factory=dict)
    statistics: JsonObject = field(default_factory=dict)


def write(
    place: JobLayout,
    gathered: GatheredRows,
    split: Split,
    scores: npt.NDArray[np.float32],
    sealer: Sealer,
    corrected: Corrected,
) -> Written:
    """Write `train.jsonl`, `holdout.jsonl` where the file has exam rows, and the keys of both."""
    written = Written(train=int(split.train.sum()))
    statistics = Statistics()
    rows = _Writer(gathered, split.train, statistics, scores=scores)
    _write_rows(place.train, rows)
    _seal(place.train_fingerprints, rows, gathered.keys)
    written.tokens = _lengths(gathered, split.train, gathered.limit)
    if split.exam.any():
        written.halves = _write_exam(place, gathered, split, sealer, statistics, corrected)
    written.statistics = statistics.as_record()
    return written


def write_exam(
    place: JobLayout,
    gathered: GatheredRows,
    split: Split,
    sealer: Sealer,
    tune_lines: int | None = None,
) -> Written:
    """Write `holdout.jsonl` and its keys, of the hold-out file beside a file.

    `tune_lines` says up to which line the rows may be looked at during a run, where that is told.
    """
    statistics = Statistics()
    halves = _write_exam(place, gathered, split, sealer, statistics, {}, tune_lines)
    return Written(halves=halves, statistics=statistics.as_record())


def _write_exam(
    place: JobLayout,
    gathered: GatheredRows,
    split: Split,
    sealer: Sealer,
    statistics: Statistics,
    corrected: Corrected,
    tune_lines: int | None = None,
) -> dict[str, int]:
    total = int(split.exam.sum())
    halves = [holdout.half_of(int(family), total) for family in split.names]
    if tune_lines is not None:
        halves = ["tune" if line <= tune_lines else "judge" for line in gathered.lines]
    for number, item in corrected.items():
        halves[number] = item.half
    rows = _Writer(
        gathered, split.exam, statistics, halves=halves, by_row=split.by_row, corrected=corrected
    )
    _write_rows(place.holdout, rows)
    _seal_exam(place.holdout_fingerprints, rows, gathered, split, sealer)
    counted = Counter(half for half, out in zip(halves, split.exam, strict=True) if out)
    return {"tune": counted["tune"], "judge": counted["judge"]}


class _Writer:
    """Gives the records of some rows and remembers where each stands in the new file."""

    def __init__(
        self,
        gathered: GatheredRows,
        wanted: Bools,
        statistics: Statistics,
        *,
        scores: npt.NDArray[np.float32] | None = None,
        halves: Sequence[holdout.Half] | None = None,
        by_row: Bools | None = None,
        corrected: Corrected = {},  # noqa: B006 - never changed
    ) -> None:
        self._gathered = gathered
        self._corrected = corrected
        self.wanted = wanted
        self._statistics = statistics
        self._scores = scores
        self._halves = halves
        self._by_row = by_row if by_row is not None else np.zeros(len(wanted), np.bool_)
        self.offsets = array("Q")

    def lines(self) -> Iterator[bytes]:
        """Give the lines of the new file."""
        offset = 0
        batch: list[tuple[Example, int, int]] = []
        for number, line in enumerate(self._gathered.records()):
            if not self.wanted[number]:
                continue
            record = orjson.loads(line)
            batch.append((from_record(record), record["tokens"], record["supervised"]))
            if len(batch) == BATCH:
                self._count(batch)
                batch = []
            if self._halves is not None:
                record["half"] = self._halves[number]
                if self._by_row[number]:
                    record["by_row"] = True
                if number in self._corrected:
                    record["corrects"] = self._corrected[number].as_record()
            elif self._scores is not None:
                record["quality"] = round(float(self._scores[number]), 3)
            data = orjson.dumps(record) + b"\n"
            self.offsets.append(offset)
            offset += len(data)
            yield data
        self._count(batch)

    def _count(self, batch: list[tuple[Example, int, int]]) -> None:
        if batch:
            examples, tokens, supervised = zip(*batch, strict=True)
            self._statistics.add(examples, tokens, supervised)


def _write_rows(path: Path, rows: _Writer) -> None:
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(rows.lines())


def _seal(path: Path, rows: _Writer, keys: Keys) -> None:
    """Write the keys of the written rows, part by part: all of them twice would fill the memory."""
    places = np.flatnonzero(rows.wanted)

    def parts() -> Iterator[Keys]:
        for begin in range(0, len(places), SEALED_AT_ONCE):
            end = begin + SEALED_AT_ONCE
            part = keys[places[begin:end]]
            part["offset"] = rows.offsets[begin:end]
            yield part

    fingerprints.write(path, parts(), len(places))


def _seal_exam(
    path: Path, rows: _Writer, gathered: GatheredRows, split: Split, sealer: Sealer
) -> None:
    """Write the keys of exam rows, with boilerplate and without where the file has any."""
    places = np.flatnonzero(rows.wanted)
    questions = [question_of(gathered.example(place)) for place in places.tolist()]
    sealed = exam_keys(sealer, questions, gathered.shared)
    exact_only(sealed, np.tile(split.by_row[places], len(sealed) // len(places)))
    for begin in range(0, len(sealed), len(places)):
        half = sealed[begin : begin + len(places)]
        half["offset"] = rows.offsets
        for name in ("row", "line"):
            half[name] = gathered.keys[name][places]
    fingerprints.write(path, [sealed], len(sealed))


def _lengths(gathered: GatheredRows, train: Bools, limit: int) -> JsonObject:
    tokens = np.array(gathered.tokens, np.int64)[train]
    supervised = np.array(gathered.supervised, np.int64)[train]
    edges = np.searchsorted(BINS, tokens)
    names = [*(f"<={edge}" for edge in BINS), f">{BINS[-1]}"]
    counts = np.bincount(edges, minlength=len(names))
    return {
        "train": int(tokens.sum()),
        "supervised": int(supervised.sum()),
        "longest": int(tokens.max(initial=0)),
        "mean": round(float(tokens.mean()), 1) if len(tokens) else None,
        "histogram": {name: int(n) for name, n in zip(names, counts, strict=True) if n},
        "limit": limit,
        "split": gathered.split,
        "truncated": gathered.truncated,
        "forged": gathered.forged,
    }
