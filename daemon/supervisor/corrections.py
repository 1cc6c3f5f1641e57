"""Raises the alert that a file contradicts much of an earlier one, until its job has ended."""

from daemon.folders.queue import reports
from daemon.layout_jobs import JobLayout
from daemon.supervisor.journal import Journal

ALERT = "corrections"


def alert_corrections(journal: Journal, place: JobLayout) -> None:
    """Raise the alert where the intake report of a job has one."""
    report = reports.read(place)
    if report is not None and report.corrections.alert:
        journal.alert(ALERT, report.corrections.alert)


def settle_corrections(journal: Journal, job: str) -> None:
    """Clear the alert of a job."""
    alert = journal.alerts.get(ALERT)
    if alert is not None and str(alert["message"]).startswith(f"{job} "):
        journal.settle(ALERT)
