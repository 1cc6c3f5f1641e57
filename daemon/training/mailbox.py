"""Collects the supervisor's orders about the current run or unit, polled between two passes."""

from typing import Literal, assert_never

from daemon.core import messages as say
from daemon.core.messages import Order
from daemon.pipes import Pipe


class OrderMailbox:
    """What the supervisor wants of the current run, from the orders received so far."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.paused = False
        self.commit_wanted = False
        self.evaluation_wanted = False
        self.leaving: Literal["abandon", "stop"] | None = None

    def look(self) -> bool:
        """Process pending orders without waiting; return whether to leave the run."""
        while (order := self._pipe.poll()) is not None:
            self._take(order)
        return self._left()

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for the next order; return whether to leave the run."""
        order = self._pipe.wait(timeout_s)
        if order is not None:
            self._take(order)
        return self._left()

    def attend(self, on: str) -> bool:
        """Process pending orders, and wait while paused; `on` is what is reported as paused.

        Returns whether to leave the current unit of work.
        """
        left = self.look()
        announced = False
        while not left and self.paused:
            if not announced:
                self._pipe.send(say.Paused(on))
                announced = True
            left = self.wait(None)
        return left

    def _left(self) -> bool:
        if self._pipe.closed and self.leaving is None:
            self.leaving = "stop"
        return self.leaving is not None

    def _take(self, order: Order) -> None:
        match order:
            case say.Pause():
                self.paused = True
            case say.Resume():
                self.paused = False
            case say.Checkpoint():
                self.commit_wanted = True
            case say.Evaluate():
                self.evaluation_wanted = True
            case say.Abandon():
                self.leaving = self.leaving or "abandon"
            case say.Stop():
                self.leaving = "stop"
            case say.TakeIn() | say.Prepare() | say.Train() | say.CarryOut():
                message = f"{type(order).__name__} arrived in the middle of a run"
                self._pipe.send(say.Alerted("order_out_of_turn", message))
            case _:
                assert_never(order)
