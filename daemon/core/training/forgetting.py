"""Measures forgetting of earlier files: how far their loss is above the best in the lineage.

Every promoted version carries, for each hold-out row of each file, the loss of the best promoted
version so far. A rise is measured against that, never against the last version alone: otherwise
small rises, each tolerated, would add up.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Literal, Self

import msgspec

from daemon.core.records import Record

CANDIDATE = "candidate"
"""Names the best version of a file while that is a candidate, which has no name yet."""

Part = Literal["judge", "tune"]
PARTS: tuple[Part, ...] = ("judge", "tune")
"""Judge rows decide a verdict; tune rows aim the replay."""


class RowLosses(msgspec.Struct, frozen=True, array_like=True):
    """Losses of one hold-out row, in nats over all its supervised tokens."""

    row: int
    key: str
    """Equal only for equal tokens: a row that was corrected or reworded is another row."""
    tokens: int
    base: float | None
    best: float
    """Of the lineage's best promoted version, judged by the whole file."""
    own: float | None
    """Of the version itself; None if it was not measured on this row."""


@dataclass(frozen=True)
class PartLosses:
    """The rows of one part of a file's hold-out."""

    best: str
    """The version with the lowest loss on them."""
    rows: tuple[RowLosses, ...]


@dataclass(frozen=True)
class MeasuredRow:
    """Losses of one hold-out row, in nats, of a candidate and what it is measured against."""

    job: str
    part: Part
    row: int
    key: str
    tokens: int
    candidate: float
    start: float
    base: float | None
    family: str | None = None


@dataclass(frozen=True)
class Tolerance:
    """How much an earlier file's loss may rise: the larger of the two bounds."""

    nats: float
    """In nats per token."""
    share: float
    """As a share of what the file had gained over the base."""

    def of(self, gained: float | None) -> float:
        """Return the tolerated rise, in nats per token, for a file with this gain over the base."""
        return max(self.nats, self.share * (gained or 0.0))


@dataclass(frozen=True)
class Rise:
    """How far the loss on some rows of a file is above the lineage's best."""

    best: str
    """The version it is measured against."""
    rows: tuple[tuple[float, float], ...]
    """(now, best) nats per token of each row."""
    families: tuple[str | None, ...]
    mean: float
    """Nats per token over all tokens."""
    gained: float | None
    """How far the best version is below the base, in nats per token; None if unknown."""

    @property
    def error(self) -> float:
        """The standard error of the rise; infinite for a single row."""
        changes = [now - best for now, best in self.rows]
        if len(changes) < 2:
            return float("inf")
        mean = sum(changes) / len(changes)
        spread = sum((change - mean) ** 2 for change in changes) / (len(changes) - 1)
        return sqrt(spread / len(changes))


@dataclass(frozen=True, kw_only=True)
class LossesFile(Record):
    """The content of a version's `holdout_losses.json`."""

    files: Mapping[str, Mapping[Part, PartLosses]]
    """By job and part."""


Key = tuple[str, Part]


@dataclass(frozen=True)
class LineageLosses:
    """The hold-out losses of a lineage, as a version passes them on to the next."""

    parts: Mapping[Key, PartLosses] = field(default_factory=dict)

    def as_file(self) -> LossesFile:
        """Return them as they are saved, before their version has a name."""
        files: dict[str, dict[Part, PartLosses]] = {}
        for (job, part), its in self.parts.items():
            files.setdefault(job, {})[part] = its
        return LossesFile(files=files)

    @classmethod
    def of_file(cls, saved: LossesFile, version: str) -> Self:
        """Return what was saved for the version that was sealed as `version`."""
        return cls(
            {
                (job, part): replace(its, best=version) if its.best == CANDIDATE else its
                for job, by_part in saved.files.items()
                for part, its in by_part.items()
            }
        )

    def measured_again(self, losses: Mapping[str, float]) -> "LineageLosses":
        """Return them for another version, by its losses on rows, in nats, by key."""
        return LineageLosses(
            {
                key: replace(
                    its,
                    rows=tuple(
                        msgspec.structs.replace(row, own=losses.get(row.key)) for row in its.rows
                    ),
                )
                for key, its in self.parts.items()
            }
        )

    def rise(self, job: str, part: Part) -> Rise | None:
        """Return how far the version is above the best; None if it was not measured."""
        its = self.parts.get((job, part))
        rows = [] if its is None else [row for row in its.rows if row.own is not None]
        if its is None or not rows:
            return None
        return _rise(its.best, [(r.own or 0.0, r.best, r.base, r.tokens, None) for r in rows])


def with_candidate(
    lineage: LineageLosses, measured: Iterable[MeasuredRow], start: str
) -> LineageLosses:
    """Return the losses a candidate passes on: for each file the best so far, or its own.

    For rows new to the lineage, the best so far is the version the run began from.
    """
    parts = dict(lineage.measured_again({}).parts)
    for key, items in _by_part(measured).items():
        known = parts.get(key)
        before = _best_before(known, items)
        better = sum(i.candidate for i in items) < sum(before[i.key] for i in items)
        rows = {
            i.key: RowLosses(
                i.row,
                i.key,
                i.tokens,
                i.base,
                i.candidate if better else before[i.key],
                i.candidate,
            )
            for i in items
        }
        others = () if known is None else (row for row in known.rows if row.key not in rows)
        best = CANDIDATE if better else start if known is None else known.best
        parts[key] = PartLosses(best, (*rows.values(), *others))
    return LineageLosses(parts)


def rises(lineage: LineageLosses, measured: Iterable[MeasuredRow], start: str) -> dict[Key, Rise]:
    """Return how far a candidate is above the best, for each part of each file."""
    found = {}
    for key, items in _by_part(measured).items():
        known = lineage.parts.get(key)
        before = _best_before(known, items)
        rows = [(i.candidate, before[i.key], i.base, i.tokens, i.family) for i in items]
        found[key] = _rise(start if known is None else known.best, rows)
    return found


def together(parts: Sequence[Rise], tolerated: Callable[[Rise], float]) -> tuple[Rise, float]:
    """Return the rise over several files and how much of it is tolerated; each row counts once."""
    rows = tuple(row for part in parts for row in part.rows)
    weights = [len(part.rows) / len(rows) for part in parts]
    whole = Rise(
        "the best versions",
        rows,
        tuple(family for part in parts for family in part.families),
        sum(weight * part.mean for weight, part in zip(weights, parts, strict=True)),
        None,
    )
    allowed = sum(w * tolerated(part) for w, part in zip(weights, parts, strict=True))
    return whole, allowed


def _by_part(measured: Iterable[MeasuredRow]) -> dict[Key, list[MeasuredRow]]:
    found: dict[Key, list[MeasuredRow]] = {}
    for item in measured:
        found.setdefault((item.job, item.part), []).append(item)
    return found


def _best_before(known: PartLosses | None, items: Sequence[MeasuredRow]) -> dict[str, float]:
    """Return by key the loss of the best version before a candidate."""
    best = {} if known is None else {row.key: row.best for row in known.rows}
    return {item.key: best.get(item.key, item.start) for item in items}


def _rise(best: str, rows: Sequence[tuple[float, float, float | None, int, str | None]]) -> Rise:
    tokens = max(1, sum(count for *_, count, _ in rows))
    with_base = [(base - before) for _, before, base, *_ in rows if base is not None]
    counted = sum(count for _, _, base, count, _ in rows if base is not None)
    return Rise(
        best,
        tuple((now / max(1, n), before / max(1, n)) for now, before, _, n, _ in rows),
        tuple(family for *_, family in rows),
        sum(now - before for now, before, *_ in rows) / tokens,
        sum(with_base) / max(1, counted) if with_base else None,
    )
