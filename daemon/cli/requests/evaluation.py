"""Builds the request of an evaluation from what a user names: subjects, suites, a limit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.cli.requests.subjects import SubjectResolver
from daemon.cli.requests.suite_choice import chosen
from daemon.clock import SystemClock
from daemon.core.evaluation.answer_files import match
from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.evaluations import HOLDOUTS, EvaluationRequest, Questions, Subject
from daemon.core.evaluation.reports import SuiteResult
from daemon.core.evaluation.suites import Suite
from daemon.core.records import to_json_value
from daemon.core.workspace.orders import EVALUATION, Header
from daemon.core.workspace.versions import ancestry, jobs_of
from daemon.errors import UserFault
from daemon.evaluation.writing import ExpectedWriting, expected_writing, job_of_file
from daemon.folders import answers
from daemon.folders.models import bases, current_model
from daemon.folders.models.models import Models
from daemon.folders.orders import evaluations, orders
from daemon.layout import EvaluationLayout, Layout
from daemon.settings_file import read_settings
from daemon.settings_records import to_record

SHOWN = 5
"""Mistakes of a file, and names, that are shown; the rest is counted."""


@dataclass(frozen=True)
class EvaluationOptions:
    """What a user names of an evaluation."""

    subjects: tuple[str, ...]
    suites: tuple[str, ...]
    """Names, files, or `holdouts`; empty for all suites."""
    limit: int | None
    prefix: str | None
    habit: str = ""
    """The file whose training answers show how prompts are to be answered; empty for the newest."""
    beside_base: bool = False
    """Where no question has a golden answer, the untouched base answers too."""

    def limited(self, suites: Sequence[Suite]) -> list[Questions]:
        """Return whole suites as they are asked."""
        return [
            Questions(suite if self.limit is None else suite.first(self.limit), of=len(suite.items))
            for suite in suites
        ]


def open_evaluation(layout: Layout, wanted: EvaluationOptions) -> str:
    """Create the order of an evaluation; return its name.

    Raises:
        UserFault: there is no such subject, suite or prefix, or there is nothing to evaluate.
        ModelFault: the base model is not ready.
    """
    settings = read_settings(layout.settings_file)
    facts = bases.read_facts(layout, settings.model)
    suites, notes = chosen(layout, settings, wanted.suites)
    named = (*wanted.subjects, *_base_beside(wanted, suites))
    resolver = SubjectResolver(layout, settings, facts, wanted.prefix)
    subjects, same = _each_once(named, [resolver.subject(one) for one in named])
    questions = wanted.limited(suites)
    notes += same
    subjects, results = _given_results(subjects, [one.suite for one in questions])
    request = EvaluationRequest(
        evaluation="",
        created_at=SystemClock().now().isoformat(),
        title=f"{', '.join(one.name for one in subjects)} on {_named(questions)}",
        settings=to_record(settings),
        base={} if facts is None else to_json_value(facts),
        subjects=tuple(subjects),
        limit=wanted.limit,
        targets=settings.targets.wanted,
        notes=tuple(notes),
    )
    writing = _writing(layout, wanted.habit, subjects, suites)
    notes += _without_habit(suites, writing)
    request = replace(request, notes=tuple(notes))
    header = Header("", request.created_at, request.title, request.versions)
    return orders.create(
        layout,
        EVALUATION,
        header,
        lambda built, name: evaluations.fill(
            built,
            replace(request, evaluation=name),
            questions,
            results,
            writing,
        ),
    )


def _base_beside(wanted: EvaluationOptions, suites: Sequence[Suite]) -> tuple[str, ...]:
    """Return the base as a further subject where only it shows what the training has changed."""
    is_open = not any(item.answers for suite in suites for item in suite.items)
    return ("base",) if wanted.beside_base and is_open and "base" not in wanted.subjects else ()


def _writing(
    layout: Layout, habit: str, subjects: Sequence[Subject], suites: Sequence[Suite]
) -> ExpectedWriting:
    """Return what the answers are held against: habits of files and of suites.

    Raises:
        UserFault: there is no such file.
    """
    of_prompts = job_of_file(layout, habit) if habit else _newest_job(layout, subjects)
    if habit and of_prompts is None:
        raise UserFault("no_such_file", f"no file {habit} was trained here: name one, or its job")
    jobs = {
        item.id.partition(":")[0]: None
        for suite in suites
        if suite.name == HOLDOUTS
        for item in suite.items
    }
    return expected_writing(layout, jobs, suites, of_prompts)


def _newest_job(layout: Layout, subjects: Sequence[Subject]) -> str | None:
    """Return the newest job of the last version among the subjects, else of the current one."""
    named = [one.path for one in subjects if one.kind == "version" and one.adapter is not None]
    version = named[-1] if named else current_model.read(layout)
    jobs = jobs_of(ancestry(version or "", Models(layout).versions()))
    return jobs[-1] if jobs else None


def _without_habit(suites: Sequence[Suite], writing: ExpectedWriting) -> list[str]:
    missing = [
        suite.name
        for suite in suites
        if suite.name != HOLDOUTS and writing.of(suite.name).habit is None
    ]
    if not missing:
        return []
    return [
        f"there is no habit for the answers to {', '.join(missing)}: name a trained file with "
        "--habit, or as 'habit' in the header of the suite"
    ]


def _each_once(
    named: Sequence[str], subjects: Sequence[Subject]
) -> tuple[list[Subject], list[str]]:
    """Return the subjects without duplicates, and notes on the duplicates.

    Raises:
        UserFault: two have one name, or there are two names for a single one.
    """
    found: dict[str, Subject] = {}
    notes = []
    for word, subject in zip(named, subjects, strict=True):
        first = found.setdefault(subject.name, subject)
        if first is subject:
            continue
        if first != subject:
            message = f"two subjects are called {subject.name}: rename the file or folder"
            raise UserFault("named_twice", message)
        alias = "" if word == subject.name else f" (also as {word})"
        notes.append(f"{subject.name} is named twice{alias}: it is evaluated once")
    if notes and len(found) == 1:
        raise UserFault("named_twice", f"{notes[0]}. Name another one to compare with")
    return list(found.values()), notes


def _named(questions: Sequence[Questions]) -> str:
    names = [one.suite.name for one in questions]
    return ", ".join(names) if len(names) <= SHOWN else f"{len(names)} suites"


# --- files of answers -----------------------------------------------------------------------------


def _given_results(
    subjects: Sequence[Subject], suites_used: Sequence[Suite]
) -> tuple[list[Subject], dict[tuple[int, int], SuiteResult]]:
    """Return the subjects, and the results of those that are files of answers."""
    found: list[Subject] = []
    results: dict[tuple[int, int], SuiteResult] = {}
    for number, subject in enumerate(subjects):
        if not subject.generates:
            subject, given = _given(subject, suites_used)
            results |= {(place, number): result for place, result in enumerate(given)}
        found.append(subject)
    return found, results


def _given(subject: Subject, suites_used: Sequence[Suite]) -> tuple[Subject, list[SuiteResult]]:
    assert subject.path is not None
    try:
        file = answers.read(Path(subject.path))
    except OSError as error:
        message = f"{subject.path} cannot be read: {error.strerror}"
        raise UserFault("answers_unreadable", message) from error
    matched = match(file.given, suites_used)
    mistakes = (*file.mistakes, *matched.mistakes)
    if mistakes:
        more = f" and {len(mistakes) - SHOWN} more" if len(mistakes) > SHOWN else ""
        message = f"{subject.path}: {'; '.join(mistakes[:SHOWN])}{more}"
        raise UserFault("answers_unfit", message)
    if not any(matched.answers.values()):
        names = ", ".join(suite.name for suite in suites_used)
        raise UserFault("no_answers", f"{subject.path} answers no question of {names}")
    given = []
    for suite in suites_used:
        by_id = matched.answers[suite.name]
        texts_by_item = [by_id.get(item.id) for item in suite.items]
        texts = [None if text is None else Answer(text) for text in texts_by_item]
        given.append(SuiteResult(texts, None, None, None))
    return replace(subject, sha256=file.sha256, unknown=matched.unknown), given


def answer_files(place: EvaluationLayout) -> Iterator[tuple[str, bytes]]:
    """Yield a file of answers for each subject of an evaluation that is over: name and bytes."""
    request = orders.read_request(place, EvaluationRequest)
    suites = evaluations.read_suites(place)
    for who, subject in enumerate(request.subjects):
        lines = [
            answers.line_of(one.suite.name, item.id, answer.text)
            for number, one in enumerate(suites)
            if (found := evaluations.read_results(place, number, who)) is not None
            for item, answer in zip(one.suite.items, found.answers, strict=True)
            if answer is not None
        ]
        name = subject.name.removesuffix(".jsonl").replace("/", "-")
        yield f"{name}.jsonl", b"".join(lines)
