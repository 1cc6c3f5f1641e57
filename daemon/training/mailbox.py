"""Collects the supervisor's orders about the current run or unit, polled between two passes."""

from typing import Literal, assert_never

from daemon.core import messages as say
from daemon.core.messages import Order
from daemon.pipes import Pipe

Leaving = Literal["abandon", "stop"]
"""Leave the current unit of work only (`abandon`), or end the trainer as well (`stop`)."""


class OrderMailbox:
    """What the supervisor wants of the current run, from the orders received so far."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.paused = False
        self._commit_wanted = False
        self._evaluation_wanted = False
        self._leaving: Leaving | None = None

    def poll(self) -> bool:
        """Process pending orders without waiting; return whether to leave the run."""
        while (order := self._pipe.poll()) is not None:
            self._take(order)
        return self.leaving is not None

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for the next order; return whether to leave the run."""
        order = self._pipe.wait(timeout_s)
        if order is not None:
            self._take(order)
        return self.leaving is not None

    def attend(self, on: str) -> bool:
        """Process pending orders, and wait while paused; `on` is what is reported as paused.

        Returns whether to leave the current unit of work.
        """
        left = self.poll()
        announced = False
        while not left and self.paused:
            if not announced:
                self._pipe.send(say.Paused(on))
                announced = True
            left = self.wait(None)
        return left

    @property
    def leaving(self) -> Leaving | None:
        """How to leave the current work, if at all; without a supervisor the trainer ends."""
        return self._leaving or ("stop" if self._pipe.closed else None)

    def stop(self) -> None:
        """Leave the current work and end the trainer, whatever the orders say."""
        self._leaving = "stop"

    def take_commit_request(self) -> bool:
        """Return whether a checkpoint was requested, and clear the request."""
        wanted, self._commit_wanted = self._commit_wanted, False
        return wanted

    def take_evaluation_request(self) -> bool:
        """Return whether an evaluation was requested, and clear the request."""
        wanted, self._evaluation_wanted = self._evaluation_wanted, False
        return wanted

    def _take(self, order: Order) -> None:
        match order:
            case say.Pause():
                self.paused = True
            case say.Resume():
                self.paused = False
            case say.Checkpoint():
                self._commit_wanted = True
            case say.Evaluate():
                self._evaluation_wanted = True
            case say.Abandon():
                self._leaving = self._leaving or "abandon"
            case say.Stop():
                self.stop()
            case say.TakeIn() | say.Prepare() | say.Train() | say.CarryOut():
                message = f"{type(order).__name__} arrived in the middle of a run"
                self._pipe.send(say.Alerted("order_out_of_turn", message))
            case _:
                assert_never(order)
