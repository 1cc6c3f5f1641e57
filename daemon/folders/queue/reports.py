"""A job's `report.json`: what became of every row; written last."""

from daemon.core.records import JsonObject, from_json_value
from daemon.core.workspace.intake_reports import IntakeReport, ReportedReason
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import read_record, write_record
from daemon.layout_jobs import JobLayout

COUNTED = {
    "rejected": "refused",
    "duplicate_in_file": "equal to an earlier row of the file",
    "duplicate_seen": "trained before",
    "exam_row": "held out of another file",
    "withheld": "variants of rows on an exam",
}


def write(place: JobLayout, report: JsonObject) -> None:
    """Write the report; with it the job counts as read, so everything else is made durable first.

    Raises:
        RecordError: it is not a report.
    """
    # The dropped file may still be only in the page cache.
    atomic.sync_files(place.folder)
    write_record(place.report, from_json_value(report, IntakeReport))


def load(place: JobLayout) -> IntakeReport:
    """Return the report.

    Raises:
        OSError, ValueError: there is none, or it cannot be read.
    """
    return read_record(place.report, IntakeReport)


def read(place: JobLayout) -> IntakeReport | None:
    """Return the report; None before there is one, and where it cannot be read."""
    try:
        return load(place)
    except (OSError, ValueError):
        return None


def describe(report: IntakeReport) -> list[str]:
    """Return the report as sentences for people."""
    rows = report.rows
    sentences = [report.message] if report.message else []
    if report.verdict == "accepted":
        sentences.append(
            f"{rows['train']} of {rows['read']} rows are trained, {rows['holdout']} are held out"
        )
    if taken := report.reading.taken:
        sentences.append(
            "read as " + "; ".join(f"{keys} ({count})" for keys, count in taken.items())
        )
    sentences += [f"{rows[key]} {words}" for key, words in COUNTED.items() if rows.get(key)]
    # A file that is refused as a whole has one reason and no line: its message says all.
    sentences += [_reason(one, report.message) for one in report.reasons if one.examples]
    return [*sentences, *report.warnings]


def _reason(reason: ReportedReason, message: str) -> str:
    """Return a reason with the lines it is about, and what to do unless the message says it."""
    lines = ", ".join(str(example.line) for example in reason.examples)
    more = "" if reason.count <= len(reason.examples) else ", …"
    hint = "" if reason.hint in message else f": {reason.hint}"
    return f"{reason.code} x {reason.count} (line {lines}{more}){hint}"
