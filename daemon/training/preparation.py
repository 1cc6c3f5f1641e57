"""Reports the progress of preparing a base model, and polls for orders meanwhile."""

from daemon.core import messages as say
from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox

ON = "prepare"
"""What the supervisor is told the trainer works on meanwhile."""

REPORT_EVERY_S = 1.0


class PreparationProgress:
    """An `Attend` of the trainer's pipe."""

    def __init__(self, context: TrainerContext) -> None:
        self.mailbox = OrderMailbox(context.pipe)
        self._context = context
        self._reported_s: float | None = None

    def __call__(self, doing: str, wait_s: float = 0.0) -> bool:
        """Report what is being done, at most once a second; return whether to leave it."""
        now_s = self._context.clock.monotonic_s()
        if self._reported_s is None or now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            self._context.pipe.send(say.Alive(doing))
        return (wait_s > 0 and self.mailbox.wait(wait_s)) or self.mailbox.attend(ON)
