"""Chooses the suites of an evaluation: by name, from a file, or the lineage's held-out rows."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from daemon.core.evaluation.evaluations import HOLDOUTS
from daemon.core.evaluation.suites import Suite, SuiteFile, SuiteItem
from daemon.core.rows.examples import Chat, RowForm, answer_of, from_record, prompt_of
from daemon.core.workspace.versions import ancestry, jobs_of
from daemon.dedup.families import label_of
from daemon.dedup.wording import Words
from daemon.errors import UserFault
from daemon.evaluation.scores.call_forms import ends_in_calls
from daemon.folders import suites
from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.folders.queue.queue import find_job
from daemon.layout import Layout
from daemon.settings import Settings

SHOWN = 5
"""Mistakes of a file that are shown; the rest is counted."""


def chosen(
    layout: Layout, settings: Settings, named: Sequence[str]
) -> tuple[list[Suite], list[str]]:
    """Return the suites of these names, whole, and notes for the user; all suites without a name.

    Raises:
        UserFault: there is no such suite, or it has mistakes.
    """
    notes: list[str] = []
    if named:
        found = [_suite(layout, settings, one, notes) for one in named]
    else:
        read = suites.discover(layout.evals)
        found = [one.suite for one in read if one.suite is not None]
        notes += [f"{_mistakes(one)}; it was left out" for one in read if one.suite is None]
    names = [suite.name for suite in found]
    if len(set(names)) < len(names):
        raise UserFault(
            "suite_twice", f"two suites have the same name ({', '.join(names)}): use one of them"
        )
    if not found:
        raise UserFault("no_suite", f"there is no suite in {layout.evals}")
    return found, notes


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
