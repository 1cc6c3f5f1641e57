"""Reads and stores what worked with a base on this machine, in `models/machine.json`.

These facts make the next run faster or safer, but no run depends on them: on a full disk the fact
is lost, with an alert, and the run goes on.
"""

from typing import TypedDict

from daemon.core import messages as say
from daemon.core.records import JsonObject, from_json_value
from daemon.core.workspace.bases import BaseFacts
from daemon.errors import is_disk_full
from daemon.folders.models import machine
from daemon.training.context import TrainerContext


class WorkedFacts(TypedDict, total=False):
    """What worked with a base; a run without it finds it out."""

    row_tokens: int | None
    row_tokens_tries: int
    row_costs: JsonObject | None
    pass_tokens: int | None
    checkpoint: bool
    answers_at_once: int
    answering: int


def recall(context: TrainerContext, base: BaseFacts) -> WorkedFacts:
    """Return what worked with a base (as a request has it) on this machine."""
    worked, problem = machine.read_worked(context.layout, context.engine.device, base.fingerprint)
    _report_damage(context, problem)
    return from_json_value(worked, WorkedFacts)


def remember(context: TrainerContext, base: BaseFacts, worked: JsonObject) -> None:
    """Store what worked with a base (as a request has it) on this machine, given room."""
    fingerprint = base.fingerprint
    try:
        problem = machine.remember_worked(
            context.layout, context.engine.device, fingerprint, worked
        )
    except OSError as error:
        if not is_disk_full(error):
            raise
        message = f"what works on this machine cannot be saved in models/machine.json: {error}"
        context.pipe.send(say.Alerted("disk_full", message))
    else:
        _report_damage(context, problem)


def _report_damage(context: TrainerContext, problem: str | None) -> None:
    """Alert the user to damage in `models/machine.json`, where there is some."""
    if problem is not None:
        context.pipe.send(say.Alerted("machine_memory_damaged", problem))
