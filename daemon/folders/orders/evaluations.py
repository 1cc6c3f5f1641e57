"""What lies in an evaluation's directory beside what every order has: items, papers, reports."""

import json
from collections.abc import Mapping
from contextlib import suppress

from daemon.core.evaluation.evaluations import EvaluationRequest, Questions
from daemon.core.evaluation.reports import ComparisonReport, SuiteResult
from daemon.core.records import to_json_value
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import parse_record, read_record, write_record
from daemon.layout import EvaluationLayout, OrderLayout

REPORTS = ("report.md", "report.html", "report.json", "details.jsonl")

Papers = Mapping[tuple[int, int], SuiteResult]
"""By the places of suite and subject in the request."""


def fill(
    built: OrderLayout, request: EvaluationRequest, suites: list[Questions], papers: Papers
) -> None:
    """Give a new evaluation its request, its items, and the papers that are there already."""
    place = EvaluationLayout(built.folder)
    atomic.make_directory(place.papers)
    atomic.write_json_lines(place.suites, map(to_json_value, suites))
    for (suite, subject), paper in papers.items():
        write_paper(place, suite, subject, paper)
    write_record(place.request, request)


def read_suites(place: EvaluationLayout) -> list[Questions]:
    """Return the suites as they are asked, in order."""
    lines = place.suites.read_bytes().splitlines()
    return [parse_record(line, Questions, place.suites) for line in lines]


def read_paper(place: EvaluationLayout, suite: int, subject: int) -> SuiteResult | None:
    """Return what a subject answered to a suite; None while that is not known."""
    with suppress(OSError, ValueError):
        return read_record(place.paper(suite, subject), SuiteResult)
    return None


def write_paper(place: EvaluationLayout, suite: int, subject: int, paper: SuiteResult) -> None:
    """Write a paper; the piece is done."""
    write_record(place.paper(suite, subject), paper)


def read_report(place: EvaluationLayout) -> ComparisonReport:
    """Return the report of one that is over.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    report: ComparisonReport = json.loads(place.report_data.read_bytes())
    return report
