"""What an evaluation by hand is asked for: who answers, which questions, with which prefix.

Knows values only: neither who answers nor where it is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from daemon.core.evaluation.suites import Suite, SuiteItem
from daemon.core.evaluation.targets import Target
from daemon.core.records import fields_of
from daemon.core.rows.examples import Call, Turn
from daemon.core.rows.prefix import Prefix, record_of
from daemon.core.workspace.versions import AdapterSpec

SubjectKind = Literal["version", "base", "adapter", "answers"]
HOLDOUTS = "holdouts"
"""In place of a suite's name: the judge rows that the lineage's files hold out."""


@dataclass(frozen=True)
class Subject:
    """One that answers: a model with or without an adapter, or a file of answers."""

    name: str
    """As people know it; no two of one evaluation are called the same."""
    kind: SubjectKind
    path: str | None = None
    """The version's name, or where the adapter or the file of answers lies."""
    sha256: str | None = None
    """Of the adapter's weights or of the file of answers, when it was asked for."""
    adapter: AdapterSpec | None = None
    """None for one without an adapter."""
    prefix: Prefix | None = None
    """What it is asked with."""
    unknown: int = 0
    """Answers of the file that belong to no question."""
    plain_form: str | None = None
    """How is written what the chat template leaves out of a question; None where it is not."""

    @property
    def generates(self) -> bool:
        """Whether a model has to answer for it."""
        return self.kind != "answers"

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        adapter = None if self.adapter is None else self.adapter.as_record()
        return asdict(self) | {"adapter": adapter, "prefix": record_of(self.prefix)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_record` gave."""
        adapter = record["adapter"]
        spec = None if adapter is None else AdapterSpec.from_record(adapter)
        prefix = Prefix.from_record(record["prefix"])
        return cls(**fields_of(cls, record) | {"adapter": spec, "prefix": prefix})


@dataclass(frozen=True)
class Questions:
    """A suite as it is asked, and how many items the whole of it has."""

    suite: Suite
    of: int

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"of": self.of, "suite": asdict(self.suite)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_record` gave."""
        items = tuple(map(_item, record["suite"]["items"]))
        return cls(Suite(**fields_of(Suite, record["suite"]) | {"items": items}), record["of"])


def _item(record: Mapping[str, Any]) -> SuiteItem:
    known = {key: tuple(record[key]) for key in ("answers", "tools")}
    known["messages"] = tuple(map(_turn, record["messages"]))
    return SuiteItem(**fields_of(SuiteItem, record) | known)


def _turn(record: Mapping[str, Any]) -> Turn:
    calls = tuple(Call(**fields_of(Call, call)) for call in record["calls"])
    return Turn(**fields_of(Turn, record) | {"calls": calls})


@dataclass(frozen=True)
class EvaluationRequest:
    """What an evaluation is asked to do; everything the trainer needs beside models and items."""

    evaluation: str
    created_at: str
    title: str
    settings: Mapping[str, Any]
    base: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    """The first is what the others are compared with."""
    limit: int | None
    """Most items of each suite; None for all."""
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user should know about what is compared."""

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        subjects = [subject.as_record() for subject in self.subjects]
        return {"schema_version": 1, **asdict(self), "subjects": subjects}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_record` gave.

        Raises:
            KeyError, TypeError, ValueError: not a request this version can read.
        """
        if record["schema_version"] != 1:
            raise ValueError(f"an evaluation of schema {record['schema_version']}, this is 1")
        rest = fields_of(cls, record)
        rest["subjects"] = tuple(map(Subject.from_record, record["subjects"]))
        rest["targets"] = tuple(Target(**fields_of(Target, item)) for item in record["targets"])
        rest["notes"] = tuple(record["notes"])
        return cls(**rest)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions whose weights it needs."""
        named = (one.path for one in self.subjects if one.kind == "version")
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True)
class SuiteRun:
    """One subject's answers to one suite."""

    number: int
    """Counts from 1 over what models have to answer."""
    suite: int
    subject: int


def pieces(subjects: Sequence[Subject], suites: int) -> Iterator[SuiteRun]:
    """Give what models have to answer, suite by suite and subject by subject."""
    generating = [place for place, subject in enumerate(subjects) if subject.generates]
    number = 0
    for suite in range(suites):
        for subject in generating:
            number += 1
            yield SuiteRun(number, suite, subject)
