"""Reads and keeps what worked with a base on this machine, in `models/machine.json`.

These facts make the next run quicker or safer; no run hangs on them. A full disk therefore costs
the fact, is told as an alert, and ends nothing.
"""

from collections.abc import Mapping
from typing import Any

from daemon.core import messages as say
from daemon.errors import is_disk_full
from daemon.folders.models import machine
from daemon.training.context import Bench


def recall(bench: Bench, base: Mapping[str, Any]) -> dict[str, Any]:
    """Return what worked with a base (as a request has it) on this machine."""
    worked, problem = machine.read_worked(bench.layout, bench.engine.device, _fingerprint(base))
    _tell_damage(bench, problem)
    return worked


def remember(bench: Bench, base: Mapping[str, Any], worked: Mapping[str, Any]) -> None:
    """Keep what worked with a base (as a request has it) on this machine, where there is room."""
    fingerprint = _fingerprint(base)
    try:
        problem = machine.remember_worked(bench.layout, bench.engine.device, fingerprint, worked)
    except OSError as error:
        if not is_disk_full(error):
            raise
        message = f"what works on this machine cannot be kept in models/machine.json: {error}"
        bench.pipe.send(say.Alerted("disk_full", message))
    else:
        _tell_damage(bench, problem)


def _fingerprint(base: Mapping[str, Any]) -> str:
    return str(base["fingerprint"])


def _tell_damage(bench: Bench, problem: str | None) -> None:
    """Say what was wrong with what is remembered of this machine, where something was."""
    if problem is not None:
        bench.pipe.send(say.Alerted("machine_memory_damaged", problem))
