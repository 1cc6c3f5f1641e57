"""Raises alerts from intake reports: a file that is cut off, one that corrects much of another."""

from daemon.files.file_notes import FileNotes
from daemon.folders.queue import reports
from daemon.layout_jobs import JobLayout
from daemon.supervisor.journal import Journal

CORRECTIONS = "corrections"
CUT_OFF = "cut_off"


def raise_alerts(journal: Journal, place: JobLayout) -> None:
    """Raise the alerts of a job's intake report; they stay until the job has ended."""
    report = reports.read(place)
    if report is None:
        return
    if report.corrections.alert:
        journal.alert(CORRECTIONS, report.corrections.alert)
    for sentence in FileNotes(report.file.cut_off).sentences(place.folder.name):
        journal.alert(CUT_OFF, sentence)


def settle_alerts(journal: Journal, job: str) -> None:
    """Clear the alerts of a job."""
    for code in (CORRECTIONS, CUT_OFF):
        alert = journal.alerts.get(code)
        if alert is not None and str(alert["message"]).startswith(f"{job} "):
            journal.settle(code)
