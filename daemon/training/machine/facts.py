"""Reads and keeps what worked with a base on this machine, in `models/machine.json`.

These facts make the next run quicker or safer; no run hangs on them. A full disk therefore costs
the fact, is told as an alert, and ends nothing.
"""

from daemon.core import messages as say
from daemon.core.records import JsonObject
from daemon.core.workspace.bases import BaseFacts
from daemon.errors import is_disk_full
from daemon.folders.models import machine
from daemon.training.context import TrainerContext


def recall(context: TrainerContext, base: BaseFacts) -> JsonObject:
    """Return what worked with a base (as a request has it) on this machine."""
    worked, problem = machine.read_worked(context.layout, context.engine.device, base.fingerprint)
    _tell_damage(context, problem)
    return worked


def remember(context: TrainerContext, base: BaseFacts, worked: JsonObject) -> None:
    """Keep what worked with a base (as a request has it) on this machine, where there is room."""
    fingerprint = base.fingerprint
    try:
        problem = machine.remember_worked(
            context.layout, context.engine.device, fingerprint, worked
        )
    except OSError as error:
        if not is_disk_full(error):
            raise
        message = f"what works on this machine cannot be kept in models/machine.json: {error}"
        context.pipe.send(say.Alerted("disk_full", message))
    else:
        _tell_damage(context, problem)


def _tell_damage(context: TrainerContext, problem: str | None) -> None:
    """Say what was wrong with what is remembered of this machine, where something was."""
    if problem is not None:
        context.pipe.send(say.Alerted("machine_memory_damaged", problem))
