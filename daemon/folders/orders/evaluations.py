"""The files of an evaluation's directory: suites, results by suite and subject, reports."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from daemon.core.evaluation.evaluations import EvaluationRequest, Questions
from daemon.core.evaluation.reports import ComparisonReport, SuiteResult
from daemon.core.records import Record, to_json_value
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import parse_record, read_record, write_record
from daemon.layout import EvaluationLayout, OrderLayout

REPORTS = ("report.md", "report.html", "report.json", "details.jsonl")

Writing = TypeVar("Writing", bound=Record)

SuiteResults = Mapping[tuple[int, int], SuiteResult]
"""By the numbers of suite and subject in the request."""


def fill(
    built: OrderLayout,
    request: EvaluationRequest,
    suites: list[Questions],
    given: SuiteResults,
    writing: Record,
) -> None:
    """Write the request, the suites, the habits, and the results of answers given with it."""
    place = EvaluationLayout(built.folder)
    atomic.make_directory(place.results_folder)
    atomic.write_json_lines(place.suites, map(to_json_value, suites))
    write_record(place.writing, writing)
    for (suite, subject), results in given.items():
        write_results(place, suite, subject, results)
    write_record(place.request, request)


def read_suites(place: EvaluationLayout) -> list[Questions]:
    """Return the suites with the items that are used, in order."""
    lines = place.suites.read_bytes().splitlines()
    return [parse_record(line, Questions, place.suites) for line in lines]


def read_writing(place: EvaluationLayout, kind: type[Writing]) -> Writing:
    """Return the habits; none of an evaluation of an earlier release."""
    try:
        return read_record(place.writing, kind)
    except FileNotFoundError:
        return kind()


def read_results(place: EvaluationLayout, suite: int, subject: int) -> SuiteResult | None:
    """Return the results of a subject on a suite; None while there are none."""
    with suppress(OSError, ValueError):
        return read_record(place.results(suite, subject), SuiteResult)
    return None


def write_results(place: EvaluationLayout, suite: int, subject: int, results: SuiteResult) -> None:
    """Write the results of a subject on a suite, which ends the unit."""
    write_record(place.results(suite, subject), results)


def read_report(place: EvaluationLayout) -> ComparisonReport:
    """Return the report of an evaluation that has ended.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    report: ComparisonReport = json.loads(place.report_data.read_bytes())
    return report
