"""Lets the preparation of a base model tell how far it is, and hear orders in between."""

from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox
from daemon.training.progress_notes import ProgressNotes

ON = "prepare"
"""What the trainer is on meanwhile, for the supervisor."""


class PreparationProgress:
    """An `Attend` of the trainer's pipe."""

    def __init__(self, context: TrainerContext) -> None:
        self.mailbox = OrderMailbox(context.pipe)
        self._notes = ProgressNotes(context.pipe, context.clock)

    def __call__(self, doing: str, wait_s: float = 0.0) -> bool:
        """Tell what is being done, now and then, and return whether to leave it."""
        self._notes.send(doing)
        return (wait_s > 0 and self.mailbox.wait(wait_s)) or self.mailbox.attend(ON)
