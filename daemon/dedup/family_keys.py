"""Binds the rows that are variants of one another: by group, by question, by `variant_of`."""

from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import Example, first_question
from daemon.dedup import wording
from daemon.dedup.families import question_text
from daemon.dedup.numbers import hash64
from daemon.folders.queue.family_files import FAMILY, Families, FamilySide

FREQUENT_SHARE = 0.2
FREQUENT_ROWS = 20
"""A question with more than this share of its file's rows, or so many of them, binds no rows."""

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_GROUP, _QUESTION, _ALIAS, _FREQUENT, _VARIANT, _EXACT = (
    np.uint64(number)
    for number in (
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x27D4EB2F165667C5,
        0x85EBCA77C2B2AE63,
        0xFF51AFD7ED558CCD,
    )
)
"""Keep keys of different kinds apart."""


@dataclass
class FamilyColumns:
    """The keys of the rows of one file while it is read, 40 bytes each."""

    seed: int = 0
    """Of the draw of hold-outs."""
    group: "array[int]" = field(default_factory=lambda: array("Q"))
    question: "array[int]" = field(default_factory=lambda: array("Q"))
    variant: "array[int]" = field(default_factory=lambda: array("Q"))
    exact: "array[int]" = field(default_factory=lambda: array("Q"))
    by_row: list[int] = field(default_factory=list)
    """Rows of which it is known that their question binds them to no other."""
    draws: "array[int]" = field(default_factory=lambda: array("Q"))
    """By these, in their order, families are drawn."""

    def add(self, example: Example, key: bytes, words: wording.Words) -> None:
        """Add a row; `key` is that of the whole example."""
        if example.by_row:
            self.by_row.append(len(self.exact))
        group = None if example.group is None else f"group:{example.group}"
        question = question_text(first_question(example), words)
        original = example.variant_of
        variant = None if original is None else question_text(original, words)
        self.group.append(0 if group is None else hash64(group))
        self.question.append(hash64(question))
        self.variant.append(0 if variant is None else hash64(variant))
        self.exact.append(int.from_bytes(key[:8], "big"))
        self.draws.append(hash64(f"{self.seed}\n{group or variant or question}"))

    def families(self) -> Families:
        """Return the rows in their order, on no side yet, with `line` still 0."""
        families = np.zeros(len(self.group), FAMILY)
        families["group_v1"], families["question"] = self.group, self.question
        families["variant"], families["exact"] = self.variant, self.exact
        families["by_row"] = _frequent(families)
        families["by_row"][self.by_row] = True
        return families


def _frequent(families: Families) -> Bools:
    """Return which rows ask a question that is too frequent in its file to bind them."""
    free = np.flatnonzero(families["group_v1"] == 0)
    _, which, counts = np.unique(
        families["question"][free], return_inverse=True, return_counts=True
    )
    many = (counts >= FREQUENT_ROWS) | ((counts > 1) & (counts > FREQUENT_SHARE * len(families)))
    found = np.zeros(len(families), np.bool_)
    found[free] = many[which]
    return found


def known_by(families: Families) -> tuple[U64, I64]:
    """Return (key, place) of everything by which rows are found."""
    group, question = families["group_v1"], families["question"]
    grouped, by_row = group != 0, families["by_row"] != 0
    trained = families["side"] == FamilySide.TRAINED
    return _joined(
        (_GROUP, group),
        (_QUESTION, np.where(grouped | by_row, 0, question)),
        (_ALIAS, np.where(grouped, question, 0)),
        (_FREQUENT, np.where(by_row & trained, question, 0)),
        (_VARIANT, families["variant"]),
        (_EXACT, np.where(by_row, 0, families["exact"])),
    )


def looked_up_by(families: Families) -> tuple[U64, I64]:
    """Return (key, place) of everything by which rows find others of their family."""
    group, question, variant = (families[name] for name in ("group_v1", "question", "variant"))
    grouped, by_row = group != 0, families["by_row"] != 0
    return _joined(
        (_GROUP, group),
        (_QUESTION, np.where(grouped, 0, question)),
        (_VARIANT, np.where(by_row, 0, question)),
        (_FREQUENT, np.where(grouped | by_row, 0, question)),
        (_QUESTION, variant),
        (_ALIAS, variant),
        (_FREQUENT, variant),
        (_VARIANT, variant),
        (_EXACT, families["exact"]),
    )


def _joined(*columns: tuple[np.uint64, U64]) -> tuple[U64, I64]:
    keys, places = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for kind, column in columns:
        there = np.flatnonzero(column)
        keys.append(column[there].astype(np.uint64) ^ kind)
        places.append(there)
    return np.concatenate(keys), np.concatenate(places)


def components(families: Families) -> I64:
    """Return for each row of one file the first row of its family."""
    group, question, variant = (families[name] for name in ("group_v1", "question", "variant"))
    # A frequent question binds no rows, but those that are equal.
    binds = families["by_row"] == 0
    everywhere = np.arange(len(families))
    edges = [
        _equal(group, np.flatnonzero(group)),
        _equal(question, np.flatnonzero((group == 0) & binds)),
        _equal(families["exact"], everywhere),
    ]
    named = np.flatnonzero(variant)
    if len(named):
        originals = np.flatnonzero(binds & np.isin(question, variant[named]))
        keys = np.concatenate([variant[named], question[originals]])
        places = np.concatenate([named, originals])
        first, other = _equal(keys, np.arange(len(keys)))
        edges.append((places[first], places[other]))
    heads, others = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    return _labels(len(families), heads, others)


def _equal(keys: U64, places: I64) -> tuple[I64, I64]:
    """Return (first, other) of places with equal keys."""
    places = places[np.argsort(keys[places], kind="stable")]
    ordered = keys[places]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)]
    firsts = places[np.maximum.accumulate(np.where(starts, np.arange(len(places)), 0))]
    return firsts[~starts], places[~starts]


def _labels(rows: int, one: I64, other: I64) -> I64:
    """Return the smallest row of each connected component, by the edges between rows."""
    labels = np.arange(rows, dtype=np.int64)
    while len(one):
        lowest = np.minimum(labels[one], labels[other])
        before = labels.copy()
        np.minimum.at(labels, one, lowest)
        np.minimum.at(labels, other, lowest)
        labels = labels[labels]
        if np.array_equal(labels, before):
            break
    return labels
