"""The request of an evaluation: which models or files of answers, which suites, which prefix."""

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
"""In place of a suite's name: the judge rows held out from the lineage's files."""


@dataclass(frozen=True)
class Subject:
    """What is evaluated: a model with or without an adapter, or a file of answers."""

    name: str
    """Its name in reports, unique within an evaluation."""
    kind: SubjectKind
    path: str | None = None
    """The version's name, or the path of the adapter or file of answers."""
    sha256: str | None = None
    """Of the adapter's weights or of the file of answers, at the time of the request."""
    adapter: AdapterSpec | None = None
    """None without an adapter."""
    prefix: Prefix | None = None
    """The prefix before its prompts."""
    unknown: int = 0
    """Answers of the file that match no question."""
    plain_form: str | None = None
    """The plain form of what the chat template leaves out; None if it is left out."""
    base: BaseFacts | None = None
    """Its base model, where that is another than the request's."""
    base_folder: str | None = None
    """Where that base lies, which may be in another workspace."""

    @property
    def generates(self) -> bool:
        """Whether a model generates its answers."""
        return self.kind != "answers"


@dataclass(frozen=True)
class Questions:
    """The items of a suite that are used, and how many the whole suite has."""

    of: int = field(kw_only=True)
    suite: Suite


@dataclass(frozen=True)
class EvaluationRequest(Record):
    """An evaluation's `request.json`: all that the trainer needs beside models and items."""

    evaluation: str
    created_at: str
    title: str
    settings: JsonObject
    base: JsonObject
    subjects: tuple[Subject, ...]
    """The others are compared with the first."""
    limit: int | None
    """Most items of each suite; None for all."""
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    """Notes for the user on what is compared."""

    @property
    def facts(self) -> BaseFacts:
        """The base model of the subjects that generate; files of answers need none.

        Raises:
            RecordError: the request has no base model.
        """
        return from_json_value(self.base, BaseFacts)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions whose weights are needed."""
        named = (one.path for one in self.subjects if one.kind == "version")
        return tuple(name for name in named if name is not None)


@dataclass(frozen=True)
class SuiteRun:
    """One subject's answers to one suite."""

    number: int
    """Counts from 1 over the suites that models answer."""
    suite: int
    subject: int


def suite_runs(subjects: Sequence[Subject], suites: int) -> Iterator[SuiteRun]:
    """Yield the runs of suites on models: base by base, suite by suite and subject by subject.

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
