"""Reports the progress of preparing a base model, and polls for orders meanwhile."""

from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox
from daemon.training.progress_notes import ProgressNotes

PREPARATION = "prepare"
"""What a trainer that pauses meanwhile reports as paused."""


class PreparationProgress:
    """Called by long preparations: reports progress to the supervisor and polls for orders."""

    def __init__(self, context: TrainerContext) -> None:
        self.mailbox = OrderMailbox(context.pipe)
        self._notes = ProgressNotes(context.pipe, context.clock)

    def __call__(self, doing: str, wait_s: float = 0.0) -> bool:
        """Report what is being done, at most once a second; return whether to leave it."""
        self._notes.send(doing)
        return (wait_s > 0 and self.mailbox.wait(wait_s)) or self.mailbox.attend(PREPARATION)
