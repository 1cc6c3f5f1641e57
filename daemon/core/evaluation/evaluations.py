"""The request of an evaluation: its subjects, their questions, and with which prefix."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from daemon.core.evaluation.suites import Suite
from daemon.core.evaluation.targets import Target
from daemon.core.records import JsonObject, Record, from_json_value
from daemon.core.rows.prefix import Prefix
from daemon.core.workspace.bases import BaseFacts
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
    base: BaseFacts | None = None
    """Its base model, where that is another than the request's."""
    base_folder: str | None = None
    """Where that base lies, which may be in another workspace."""

    @property
    def generates(self) -> bool:
        """Whether a model has to answer for it."""
        return self.kind != "answers"


@dataclass(frozen=True)
class Questions:
    """A suite as it is asked, and how many items the whole of it has."""

    of: int = field(kw_only=True)
    suite: Suite


@dataclass(frozen=True)
class EvaluationRequest(Record):
    """What an evaluation is asked to do; everything the trainer needs beside models and items."""

    evaluation: str
    created_at: str
    title: str
    settings: JsonObject
    base: JsonObject
    subjects: tuple[Subject, ...]
    """The first is what the others are compared with."""
    limit: int | None
    """Most items of each suite; None for all."""
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    """What the user should know about what is compared."""

    @property
    def facts(self) -> BaseFacts:
        """The base model of those that answer here; files of answers alone need none.

        Raises:
            RecordError: none was needed.
        """
        return from_json_value(self.base, BaseFacts)

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
    """Yield what models have to answer: base by base, suite by suite and subject by subject.

    A base is loaded once.
    """
    generating = [place for place, subject in enumerate(subjects) if subject.generates]
    number = 0
    for base in dict.fromkeys(subjects[place].base_folder for place in generating):
        for suite in range(suites):
            for subject in generating:
                if subjects[subject].base_folder == base:
                    number += 1
                    yield SuiteRun(number, suite, subject)
