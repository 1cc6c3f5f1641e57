"""Collects the conditions that need the user's attention, by alert code."""

from daemon.core.decisions.audits import rolled_back
from daemon.core.decisions.decide import blocked
from daemon.core.decisions.snapshot import Snapshot
from daemon.core.decisions.unused import refused
from daemon.layout import Layout
from daemon.supervisor.observe import Observer
from daemon.supervisor.workspace import Workspace


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
