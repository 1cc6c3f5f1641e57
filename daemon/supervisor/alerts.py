"""Collects the conditions that need the user's attention, by alert code."""

from daemon.core.decisions.audits import rolled_back
from daemon.core.decisions.decide import blocked
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.decisions.unused import SHOWN, refused
from daemon.folders.inbox.late_writes import LOOKED_AT
from daemon.folders.queue.queue import Queue, newest_arrival
from daemon.layout import QUEUE_STATES, Layout
from daemon.supervisor.observe import Observer
from daemon.supervisor.workspace import Workspace

UNDECIDED = ("incoming", "failed")


def alerts(workspace: Workspace, observer: Observer, seen: Snapshot) -> dict[str, str | None]:
    """Return by alert code a sentence, or None if the condition does not hold."""
    return {
        "blocked": blocked(seen),
        "inbox": observer.inbox_problem,
        "current_model": _lost_link(workspace.layout, seen),
        "settings": workspace.settings.problem,
        "ledger": workspace.ledger.problem,
        "versions": "; ".join(workspace.models.unreadable) or None,
        "orders": "; ".join(workspace.orders.parked.values()) or None,
        "rolled_back": rolled_back(seen),
        "refused": refused(seen),
        "refused_files": _refused_files(workspace.queue),
        "runs": "; ".join(workspace.runs.quarantined.values()) or None,
        "jobs": "; ".join(workspace.queue.unreadable.values()) or None,
    }


def _lost_link(layout: Layout, seen: Snapshot) -> str | None:
    """Return why nothing can be trained without a current version; None if there is one."""
    if seen.current is not None or not seen.complete:
        return None
    return (
        f"{layout.current_model} is missing or names no complete version, and no promoted version "
        "is complete, so nothing can be trained: choose one with 'finetuned promote V'"
    )


def _refused_files(queue: Queue) -> str | None:
    """Return why the newest files are not trained, until another one is taken."""
    others = (queue.names(state)[-1:] for state in QUEUE_STATES if state not in UNDECIDED)
    taken = newest_arrival(job for jobs in others for job in jobs)
    cards = [card for _, card in queue.newest(("failed",), LOOKED_AT) if card.arrival > taken]
    if not cards:
        return None
    newest = [
        f"{card.name} {'is refused' if card.outcome == 'refused' else 'failed'}: {card.reason}"
        for card in cards[: -SHOWN - 1 : -1]
    ]
    more = f"; and {len(cards) - SHOWN} more" if len(cards) > SHOWN else ""
    return "; ".join(newest) + f"{more}; queue/failed/ has each file with its report.html"
