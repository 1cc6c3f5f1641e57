"""The rows that are fit: kept on disk until the whole file is known, then split and written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from daemon.core import holdout
from daemon.core.examples import Example, to_record
from daemon.core.fingerprint import question_hash
from daemon.folders import atomic, fingerprints
from daemon.layout import JobLayout
from daemon.settings import HoldoutSettings

BINS = (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


@dataclass
class Lengths:
    """Token counts of the training rows."""

    rows: int = 0
    tokens: int = 0
    supervised: int = 0
    longest: int = 0
    histogram: dict[str, int] = field(default_factory=dict)

    def add(self, tokens: int, supervised: int) -> None:
        """Count one row."""
        self.rows += 1
        self.tokens += tokens
        self.supervised += supervised
        self.longest = max(self.longest, tokens)
        edge = next((f"<={bin_}" for bin_ in BINS if tokens <= bin_), f">{BINS[-1]}")
        self.histogram[edge] = self.histogram.get(edge, 0) + 1

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "train": self.tokens,
            "supervised": self.supervised,
            "longest": self.longest,
            "mean": round(self.tokens / self.rows, 1) if self.rows else None,
            "histogram": self.histogram,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """What is remembered of an accepted row until the split."""

    key: bytes
    question: int
    line: int


class Accepted:
    """Rows gathered in a temporary file beside the job's own."""

    def __init__(self, file: BinaryIO, settings: HoldoutSettings) -> None:
        self._file = file
        self._settings = settings
        self.rows: list[Row] = []

    def add(self, example: Example, key: bytes, line: int, tokens: int, supervised: int) -> None:
        """Keep one row."""
        record = {
            "row": len(self.rows), "line": line, "tokens": tokens, "supervised": supervised,
            **to_record(example),
        }  # fmt: skip
        self._file.write(orjson.dumps(record) + b"\n")
        self.rows.append(Row(key, question_hash(example, self._settings.seed), line))

    def flush(self) -> None:
        """Make all rows readable from the file."""
        self._file.flush()

    def held_out(self) -> frozenset[int]:
        """Return the questions whose rows are held out."""
        hashes = [row.question for row in self.rows]
        return holdout.choose(hashes, self._settings.share, self._settings.max_rows)


def write_rows(
    place: JobLayout, gathered: Path, rows: list[Row], held: frozenset[int] | None
) -> tuple[Lengths, dict[str, int]]:
    """Write `train.jsonl`, `holdout.jsonl` and the keys of both.

    `held` are the questions held out; None where all gathered rows are.
    """
    out = [held is None or row.question in held for row in rows]
    total = sum(out)
    halves = {"tune": 0, "judge": 0}
    lengths = Lengths()

    def records(wanted: bool) -> Iterator[bytes]:
        with gathered.open("rb") as file:
            for row, is_out, line in zip(rows, out, file, strict=True):
                if is_out is not wanted:
                    continue
                record = orjson.loads(line)
                if wanted:
                    half = holdout.half_of(row.question, total)
                    halves[half] += 1
                    record["half"] = half
                else:
                    lengths.add(record["tokens"], record["supervised"])
                yield orjson.dumps(record)

    if held is not None:
        _write(place.train, records(False))
    _write_keys(place.train_fingerprints if held is not None else None, rows, out, False)
    if total:
        _write(place.holdout, records(True))
        _write_keys(place.holdout_fingerprints, rows, out, True)
    return lengths, halves


def _write(path: Path, lines: Iterable[bytes]) -> None:
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        for line in lines:
            file.write(line + b"\n")


def _write_keys(path: Path | None, rows: list[Row], out: list[bool], wanted: bool) -> None:
    if path is not None:
        chosen = (
            (row.key, number, row.line) for number, row in enumerate(rows) if out[number] is wanted
        )
        fingerprints.write(path, chosen)
