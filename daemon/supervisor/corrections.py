"""Raises the alert that a file contradicts much of an earlier one, until its job has ended."""

from daemon.folders.queue import reports
from daemon.layout_jobs import JobLayout
from daemon.supervisor.parts import Parts

ALERT = "corrections"


def tell_corrections(parts: Parts, place: JobLayout) -> None:
    """Raise the alert where the report of a job that was just read has one."""
    report = reports.read(place)
    if report is not None and report.corrections.alert:
        parts.journal.alert(ALERT, report.corrections.alert)


def settle_corrections(parts: Parts, job: str) -> None:
    """End the alert of a job."""
    alert = parts.journal.alerts.get(ALERT)
    if alert is not None and str(alert["message"]).startswith(f"{job} "):
        parts.journal.settle(ALERT)
