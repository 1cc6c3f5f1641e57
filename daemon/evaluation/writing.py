"""How answers should be written: the habits of each file and suite, measured from their answers.

A file's habit comes from its training answers, a suite's from its golden answers. Both are fixed,
so figures relative to them compare across versions.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from daemon.core.evaluation.suites import Suite
from daemon.core.records import Record
from daemon.core.rows.examples import Chat, answer_of, from_record
from daemon.core.workspace.jobs import escape
from daemon.errors import Fault
from daemon.evaluation.scores.call_forms import read_calls
from daemon.evaluation.scores.formatting import habit_of
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.scores.style import style_of
from daemon.folders.queue.queue import DAMAGED, find_job, read_card, read_cards
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout

MOST_ANSWERS = 256
"""Answers of a file, evenly spaced, from which its habit is measured."""
NOTHING = ExpectedStyle()


@dataclass(frozen=True)
class ExpectedWriting(Record):
    """The habit with which the answers to each question are compared."""

    jobs: Mapping[str, ExpectedStyle] = field(default_factory=dict)
    """Of held-out rows, by the job that they were split off from."""
    suites: Mapping[str, ExpectedStyle] = field(default_factory=dict)

    def of(self, suite: str, job: str | None = None) -> ExpectedStyle:
        """Return what answers to a question of a suite or job are held against."""
        found = self.suites.get(suite) if job is None else self.jobs.get(job)
        return NOTHING if found is None else found


def expected_writing(
    layout: Layout, jobs: Iterable[str], suites: Sequence[Suite], of_prompts: str | None
) -> ExpectedWriting:
    """Measure the habits of jobs and whole suites.

    `of_prompts` is the job whose answers show how suites without golden answers, and without a
    `habit` in their header, are to be answered.
    """
    measured: dict[str, ExpectedStyle] = {}

    def of_job(job: str) -> ExpectedStyle:
        if job not in measured:
            measured[job] = job_style(layout, job)
        return measured[job]

    by_suite = {}
    for suite in suites:
        job = job_of_file(layout, suite.habit) if suite.habit else of_prompts
        if _shows_itself(suite):
            by_suite[suite.name] = suite_style(suite)
        elif job is not None:
            by_suite[suite.name] = of_job(job)
    return ExpectedWriting(jobs={job: of_job(job) for job in jobs}, suites=by_suite)


def _shows_itself(suite: Suite) -> bool:
    """Return whether the golden answers of a suite show how it is to be answered."""
    answered = sum(bool(item.answers) for item in suite.items)
    return not suite.habit and 2 * answered >= len(suite.items)


def suite_style(suite: Suite) -> ExpectedStyle:
    """Return the habit of a suite's own golden answers."""
    answers = [
        read_calls(item.answers[0], after_text=True).plain
        if (item.scorer or suite.scorer) == "calls"
        else item.answers[0]
        for item in suite.items
        if item.answers
    ]
    return ExpectedStyle(habit_of(answers, suite.name), style_of(answers))


def job_style(layout: Layout, job: str) -> ExpectedStyle:
    """Return the habit of the answers that a job trains; nothing if the job is gone."""
    place = find_job(layout, job)
    if place is None or not place.train.exists():
        return NOTHING
    answers = list(training_answers(place))
    return ExpectedStyle(habit_of(answers, file_name(place, job)), style_of(answers))


def training_answers(place: JobLayout) -> Iterator[str]:
    """Yield the answers of a job's training rows, evenly spaced, at most `MOST_ANSWERS`."""
    with place.train.open("rb") as file:
        count = sum(1 for _ in file)
        file.seek(0)
        chosen = {number * count // MOST_ANSWERS for number in range(MOST_ANSWERS)}
        for number, line in enumerate(islice(file, count)):
            if count <= MOST_ANSWERS or number in chosen:
                example = from_record(json.loads(line))
                if isinstance(example, Chat):
                    yield answer_of(example)


def file_name(place: JobLayout, job: str) -> str:
    """Return the name of a job's file as it was dropped; the job's own where it cannot be read."""
    try:
        return escape(read_card(place).name)
    except (OSError, Fault, *DAMAGED):
        return job


def job_of_file(layout: Layout, named: str) -> str | None:
    """Return the newest job of a name: a job, or a file as it was dropped; None without one."""
    if find_job(layout, named) is not None:
        return named
    cards, _ = read_cards(layout)
    return next((card.job for card in reversed(cards) if card.name == named), None)
