"""What lies in an evaluation's directory beside what every order has: items, papers, reports."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

from daemon.core.evaluation.evaluations import EvaluationRequest, Questions
from daemon.core.records import Record, to_json_value
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import parse_record, read_record, write_record
from daemon.layout import EvaluationLayout, OrderLayout

REPORTS = ("report.md", "report.html", "report.json", "details.jsonl")

Writing = TypeVar("Writing", bound=Record)

Papers = Mapping[tuple[int, int], dict[str, Any]]
"""By the places of suite and subject in the request."""


def fill(
    built: OrderLayout,
    request: EvaluationRequest,
    suites: list[Questions],
    papers: Papers,
    writing: Record,
) -> None:
    """Give a new evaluation its request, items, habits, and the papers that are there already."""
    place = EvaluationLayout(built.folder)
    atomic.make_directory(place.papers)
    atomic.write_json_lines(place.suites, map(to_json_value, suites))
    write_record(place.writing, writing)
    for (suite, subject), paper in papers.items():
        write_paper(place, suite, subject, paper)
    write_record(place.request, request)


def read_suites(place: EvaluationLayout) -> list[Questions]:
    """Return the suites as they are asked, in order."""
    lines = place.suites.read_bytes().splitlines()
    return [parse_record(line, Questions, place.suites.name) for line in lines]


def read_writing(place: EvaluationLayout, kind: type[Writing]) -> Writing:
    """Return the habits; none of an evaluation of an earlier release."""
    try:
        return read_record(place.writing, kind)
    except FileNotFoundError:
        return kind()


def read_paper(place: EvaluationLayout, suite: int, subject: int) -> dict[str, Any] | None:
    """Return what a subject answered to a suite; None while that is not known."""
    with suppress(OSError, ValueError):
        paper: dict[str, Any] = json.loads(place.paper(suite, subject).read_bytes())
        return paper
    return None


def write_paper(place: EvaluationLayout, suite: int, subject: int, paper: dict[str, Any]) -> None:
    """Write a paper; the piece is done."""
    atomic.write_json(place.paper(suite, subject), paper)


def read_report(place: EvaluationLayout) -> dict[str, Any]:
    """Return the report of one that is over.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    report: dict[str, Any] = json.loads(place.report_data.read_bytes())
    return report
