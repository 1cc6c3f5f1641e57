"""Decides from lock and heartbeat whether the daemon is alive and responding."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

OLD_S = 30.0
"""A daemon with an older heartbeat counts as not responding."""


@dataclass(frozen=True)
class Pulse:
    """Whether the daemon is alive."""

    pid: int | None
    """None if no daemon holds the workspace."""
    heartbeat_age_s: float | None
    problem: str | None
    """What is wrong, as a sentence; None if it is alive and responding."""


def pulse_of(
    pid: int | None, document: Mapping[str, object] | None, now: datetime, root: str
) -> Pulse:
    """Return the pulse of a daemon whose status document is `document`."""
    age_s = _age_s((document or {}).get("heartbeat"), now)
    if pid is None:
        return Pulse(None, age_s, how_to_start(root))
    if age_s is not None and age_s > OLD_S:
        return Pulse(pid, age_s, f"the daemon (pid {pid}) has not responded for {age_s:.0f} s")
    return Pulse(pid, age_s, None)


def how_to_start(root: str) -> str:
    """Return a sentence on how to start the daemon of a workspace."""
    return f"no daemon is running here; start it with: finetuned run --root {root}"


def _age_s(heartbeat: object, now: datetime) -> float | None:
    try:
        return max(0.0, (now - datetime.fromisoformat(str(heartbeat))).total_seconds())
    except (ValueError, TypeError):
        return None
