"""The files of a sweep's directory: rows, trials, report and picture."""

from collections.abc import Callable, Iterable
from pathlib import Path

from daemon.core.evaluation.sweeps import SweepRequest, Trial
from daemon.core.records import to_json_value
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import parse_record, write_record
from daemon.layout import OrderLayout, SweepLayout
from daemon.layout_jobs import JobLayout


def fill(built: OrderLayout, rows: JobLayout, request: SweepRequest) -> None:
    """Write the request of a new sweep, and copies of the rows, so that it needs nothing else."""
    place = SweepLayout(built.folder)
    atomic.make_directory(place.rows.folder)
    atomic.copy_file(rows.train, place.rows.train)
    atomic.copy_file(rows.holdout, place.rows.holdout)
    # It names the prefix with which the rows were read.
    atomic.copy_file(rows.report, place.rows.report)
    write_record(place.request, request)


def read_trials(place: SweepLayout) -> list[Trial]:
    """Return the trials that have ended, in order."""
    try:
        lines = place.trials.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [parse_record(line, Trial, place.trials) for line in lines]


def write_trials(place: SweepLayout, trials: Iterable[Trial]) -> None:
    """Write all trials that have ended, the new one last; readers see whole lines only."""
    atomic.write_json_lines(place.trials, map(to_json_value, trials))


def write_report(place: SweepLayout, page: str, draw: Callable[[Path], object]) -> None:
    """Write the report and its picture; the result is written after them."""
    atomic.write_bytes(place.report, page.encode())
    with atomic.replacing(place.picture) as temporary:
        draw(temporary)


def remove_rows(place: SweepLayout) -> None:
    """Remove the copies of the rows: they are not needed once there is a result."""
    atomic.remove_directory(place.rows.folder)
