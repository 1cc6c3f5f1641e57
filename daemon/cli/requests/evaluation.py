"""Builds the request of an evaluation from what a user names: subjects, suites, a limit."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from daemon.cli.requests.subjects import SubjectResolver
from daemon.clock import SystemClock
from daemon.core.evaluation.answer_files import match
from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.evaluations import HOLDOUTS, EvaluationRequest, Questions, Subject
from daemon.core.evaluation.reports import SuiteResult
from daemon.core.evaluation.suites import Suite, SuiteFile, SuiteItem
from daemon.core.records import to_json_value
from daemon.core.rows.examples import Chat, RowForm, answer_of, from_record, prompt_of
from daemon.core.workspace.orders import EVALUATION, Header
from daemon.core.workspace.versions import ancestry, jobs_of
from daemon.dedup.families import label_of
from daemon.dedup.wording import Words
from daemon.errors import UserFault
from daemon.evaluation.scores.call_forms import ends_in_calls
from daemon.folders import answers, suites
from daemon.folders.models import bases, current_model
from daemon.folders.models.models import Models
from daemon.folders.orders import evaluations, orders
from daemon.folders.queue.queue import find_job
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_file import read_settings
from daemon.settings_records import to_record

SHOWN = 5
"""Mistakes of a file, and names, that are shown; the rest is counted."""


@dataclass(frozen=True)
class EvaluationOptions:
    """The options of an evaluation."""

    subjects: tuple[str, ...]
    suites: tuple[str, ...]
    """Names, files, or `holdouts`; empty for all suites."""
    limit: int | None
    prefix: str | None


def open_evaluation(layout: Layout, wanted: EvaluationOptions) -> str:
    """Create the order of an evaluation; return its name.

    Raises:
        UserFault: there is no such subject, suite or prefix, or there is nothing to evaluate.
        ModelFault: the base model is not ready.
    """
    settings = read_settings(layout.settings_file)
    facts = bases.read_facts(layout, settings.model)
    resolver = SubjectResolver(layout, settings, facts, wanted.prefix)
    subjects = [resolver.subject(named) for named in wanted.subjects]
    subjects, same = _each_once(wanted.subjects, subjects)
    questions, notes = chosen(layout, settings, wanted)
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
        ),
    )


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
            message = f"two different ones are called {subject.name}: rename the file or folder"
            raise UserFault("named_twice", message)
        alias = "" if word == subject.name else f" (also as {word})"
        notes.append(f"{subject.name} is named twice{alias}: it is evaluated once")
    if notes and len(found) == 1:
        raise UserFault("named_twice", f"{notes[0]}. Name another one to compare with")
    return list(found.values()), notes


def _named(questions: Sequence[Questions]) -> str:
    names = [one.suite.name for one in questions]
    return ", ".join(names) if len(names) <= SHOWN else f"{len(names)} suites"


# --- suites ---------------------------------------------------------------------------------------


def chosen(
    layout: Layout, settings: Settings, wanted: EvaluationOptions
) -> tuple[list[Questions], list[str]]:
    """Return the questions, and notes for the user.

    Raises:
        UserFault: there is no such suite, or it has mistakes.
    """
    notes: list[str] = []
    if wanted.suites:
        found = [_suite(layout, settings, named, notes) for named in wanted.suites]
    else:
        read = suites.discover(layout.evals)
        found = [one.suite for one in read if one.suite is not None]
        notes += [f"{_mistakes(one)}; it was left out" for one in read if one.suite is None]
    names = [suite.name for suite in found]
    if len(set(names)) < len(names):
        raise UserFault("suite_twice", f"two suites have one name ({', '.join(names)}): give one")
    if not found:
        raise UserFault("no_suite", f"there is no suite in {layout.evals}")
    limit = wanted.limit
    return [
        Questions(suite if limit is None else suite.first(limit), of=len(suite.items))
        for suite in found
    ], notes


def _suite(layout: Layout, settings: Settings, named: str, notes: list[str]) -> Suite:
    if named == HOLDOUTS:
        return _holdouts(layout, settings, notes)
    path = Path(named)
    is_file = path.suffix == ".jsonl" and path.is_file()
    read = suites.read(path) if is_file else suites.find(layout.evals, named)
    if read is None:
        there = ", ".join(one.stem for one in suites.paths(layout.evals))
        raise UserFault(
            "no_such_suite", f"there is no suite {named}; there are {there}, and {HOLDOUTS}"
        )
    if read.suite is None:
        raise UserFault("suite_unfit", f"{named} cannot be used: {_mistakes(read)}")
    if read.name == HOLDOUTS:
        raise UserFault("suite_name", f"{HOLDOUTS} stands for held-out rows: rename {named}")
    return read.suite


def _mistakes(read: SuiteFile) -> str:
    return "; ".join(read.sentences[:SHOWN])


def _holdouts(layout: Layout, settings: Settings, notes: list[str]) -> Suite:
    """Return the judge rows of the lineage's jobs as a suite."""
    # Other commands need not wait until numpy is there.
    from daemon.dedup.superseding import superseded_exam_rows

    versions = Models(layout).versions()
    chain = ancestry(current_model.read(layout) or "", versions)
    items: list[SuiteItem] = []
    texts, words = 0, Words()
    corrected = superseded_exam_rows(layout, jobs_of(chain), settings.dedup)
    for job in jobs_of(chain):
        place = find_job(layout, job)
        if place is None:
            notes.append(f"{job} is no longer there: its held-out rows are left out")
            continue
        if not place.holdout.exists():
            continue  # a file of few rows has no hold-out
        for record in _judge_rows(place.holdout):
            example = from_record(record)
            if (job, record["row"]) in corrected:
                continue
            if not isinstance(example, Chat):
                texts += 1
                continue
            items.append(_holdout_item(job, record, example, label_of(example, words)))
    if texts:
        notes.append(f"{texts} held-out rows are plain text without a question: they are left out")
    if not items:
        raise UserFault(
            "no_holdouts", "the current version's files have no held-out row with a question"
        )
    return _suite_of(items, settings)


def _suite_of(items: list[SuiteItem], settings: Settings) -> Suite:
    digest = hashlib.sha256(json.dumps([asdict(item) for item in items]).encode()).hexdigest()
    return Suite(
        HOLDOUTS,
        "held-out rows of the lineage",
        "own rows",
        "exact",
        "answers",
        "medium",
        "own",
        "own",
        settings.evaluation.max_new_tokens,
        tuple(items),
        digest,
    )


def _holdout_item(job: str, record: RowForm, example: Chat, group: str | None) -> SuiteItem:
    return SuiteItem(
        f"{job}:{record['row']}",
        record["line"],
        prompt_of(example),
        (answer_of(example),),
        example.tools,
        group=group,
        scorer="calls" if ends_in_calls(example) else None,
    )


def _judge_rows(path: Path) -> Iterator[RowForm]:
    with path.open("rb") as file:
        for line in file:
            record: RowForm = json.loads(line)
            if record.get("half") != "tune":
                yield record


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
