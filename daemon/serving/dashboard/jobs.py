"""The dashboard's queue: which jobs wait, and why some failed."""

from collections.abc import Iterator

from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import JobCard, escape
from daemon.folders.queue import reports
from daemon.folders.queue.queue import job_names, read_card
from daemon.layout import ENDED, PRIORITIES, Layout
from daemon.serving.dashboard.report_pages import has_report
from daemon.serving.dashboard.section_cache import UNREADABLE, Section

STATES = ("running", *PRIORITIES, "incoming", "failed", "skipped", "done")
"""In the order of a reader's interest."""
SHOWN = {"failed": 20, "skipped": 5, "done": 10}
SHOWN_WAITING = 30
MOST_REASONS = 6


def queue_section(layout: Layout, known: dict[str, JsonObject]) -> Section:
    """Return the jobs by state; `known` caches ended jobs and is filled."""
    return {"states": [_state(layout, state, known) for state in STATES]}


def _state(layout: Layout, state: str, known: dict[str, JsonObject]) -> JsonObject:
    names = job_names(layout, state)
    newest = names[::-1]
    chosen = newest[: SHOWN[state]] if state in ENDED else names[:SHOWN_WAITING]
    jobs = [_job(layout, state, name, known) for name in chosen]
    return {"state": state, "count": len(names), "jobs": jobs}


def _job(layout: Layout, state: str, job: str, known: dict[str, JsonObject]) -> JsonObject:
    # Retention may remove the report of a job whose other facts stay as they are.
    reported = {"report": has_report(layout.job(state, job).folder)}
    return _known_facts(layout, state, job, known) | reported


def _known_facts(layout: Layout, state: str, job: str, known: dict[str, JsonObject]) -> JsonObject:
    place = layout.job(state, job)
    if state in ENDED and known.get(job, {}).get("state") == state:
        return known[job]
    try:
        card = read_card(place)
        shown = _facts(card, state) | {"reasons": list(_reasons(layout, state, card))}
    except UNREADABLE as error:
        return {"job": job, "state": state, "name": job, "reason": f"unreadable: {error!r}"}
    if state in ENDED:
        known[job] = shown
    return shown


def _facts(card: JobCard, state: str) -> JsonObject:
    intake = card.intake
    return {
        "job": card.job,
        "state": state,
        "name": escape(card.name),
        "priority": card.priority,
        "train_rows": intake.train_rows if intake else None,
        "holdout_rows": intake.holdout_rows if intake else None,
        "size_bytes": card.size_bytes,
        "outcome": card.outcome,
        "reason": escape(card.reason, 500),
        "version": card.version,
        "claimed_at": card.claimed_at,
        "ended_at": card.ended_at,
    }


def _reasons(layout: Layout, state: str, card: JobCard) -> Iterator[str]:
    if state != "failed":
        return
    try:
        shown = reports.describe(reports.load(layout.job(state, card.job)))[:MOST_REASONS]
    except FileNotFoundError:
        return
    except UNREADABLE as error:
        shown = [f"report.json cannot be read: {error!r}"]
    yield from (escape(sentence, 500) for sentence in shown if sentence != card.reason)
