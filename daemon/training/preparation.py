"""Lets the preparation of a base model tell how far it is, and hear orders in between."""

from daemon.core import messages as say
from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox

ON = "prepare"
"""What the trainer is on meanwhile, for the supervisor."""

TOLD_EVERY_S = 1.0


class PreparationProgress:
    """An `Attend` of the trainer's pipe."""

    def __init__(self, context: TrainerContext) -> None:
        self.mailbox = OrderMailbox(context.pipe)
        self._context = context
        self._told_s: float | None = None

    def __call__(self, doing: str, wait_s: float = 0.0) -> bool:
        """Tell what is being done, now and then, and return whether to leave it."""
        now_s = self._context.clock.monotonic_s()
        if self._told_s is None or now_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = now_s
            self._context.pipe.send(say.Alive(doing))
        return (wait_s > 0 and self.mailbox.wait(wait_s)) or self.mailbox.attend(ON)
