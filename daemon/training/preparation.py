"""Lets the preparation of a base model tell how far it is, and hear orders in between."""

from daemon.core import messages as say
from daemon.training.context import Bench
from daemon.training.mailbox import Desk

ON = "prepare"
"""What the trainer is on meanwhile, for the supervisor."""

TOLD_EVERY_S = 1.0


class Attendance:
    """An `Attend` of the trainer's pipe."""

    def __init__(self, bench: Bench) -> None:
        self.desk = Desk(bench.pipe)
        self._bench = bench
        self._told_s: float | None = None

    def __call__(self, doing: str, wait_s: float = 0.0) -> bool:
        """Tell what is being done, now and then, and return whether to leave it."""
        now_s = self._bench.clock.monotonic_s()
        if self._told_s is None or now_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = now_s
            self._bench.pipe.send(say.Alive(doing))
        return (wait_s > 0 and self.desk.wait(wait_s)) or self.desk.attend(ON)
