"""Finds the runs that the daemon's log or event lines mention."""

import json
from collections.abc import Iterable
from typing import Any

LOOKED_AT = 20
"""Lines by which a log is recognised."""


def runs_in_log(lines: Iterable[bytes]) -> tuple[str, ...] | None:
    """Return the runs that a log names, in the order in which they first appear.

    None if it is no log of the daemon: no record with an event among its first lines.
    """
    found: dict[str, None] = {}
    events = 0
    for number, raw in enumerate(lines):
        record = _parsed(raw)
        events += _is_event(record)
        if number >= LOOKED_AT and not events:
            return None
        if _is_event(record) and isinstance(run := record.get("run"), str):
            found[run] = None
    return tuple(found) if events else None


def _is_event(record: Any) -> bool:
    """Return whether a line is one of `logs/daemon.jsonl` or of `status/events.jsonl`."""
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        return False
    return {"timestamp", "level"} <= record.keys() or {"time", "message"} <= record.keys()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw.lstrip().startswith(b"{") else None
    except (ValueError, RecursionError):
        return None
