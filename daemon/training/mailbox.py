"""The orders about the run or piece in hand, looked at between pieces of work; does no work."""

from typing import Literal, assert_never

from daemon.core import messages as say
from daemon.core.messages import Order
from daemon.pipes import Pipe

Leaving = Literal["abandon", "stop"]
"""The piece alone, or with it the trainer."""


class OrderMailbox:
    """What the supervisor wants of the run, from the orders taken so far."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self.paused = False
        self._commit_wanted = False
        self._evaluation_wanted = False
        self._leaving: Leaving | None = None

    def look(self) -> bool:
        """Take the orders that are there; return whether the run is to be left."""
        while (order := self._pipe.poll()) is not None:
            self._take(order)
        return self.leaving is not None

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for the next order; return whether the run is to be left."""
        order = self._pipe.wait(timeout_s)
        if order is not None:
            self._take(order)
        return self.leaving is not None

    def attend(self, on: str) -> bool:
        """Take the orders that are there, and wait while paused, saying so of `on`.

        Returns whether the piece is to be left.
        """
        left = self.look()
        announced = False
        while not left and self.paused:
            if not announced:
                self._pipe.send(say.Paused(on))
                announced = True
            left = self.wait(None)
        return left

    @property
    def leaving(self) -> Leaving | None:
        """How the work is to be left; a supervisor that is gone wants the trainer to end."""
        return self._leaving or ("stop" if self._pipe.closed else None)

    def stop(self) -> None:
        """Have the work left and the trainer end, whatever is asked for."""
        self._leaving = "stop"

    def take_commit_request(self) -> bool:
        """Return whether a checkpoint is asked for; whoever takes the request fulfils it."""
        wanted, self._commit_wanted = self._commit_wanted, False
        return wanted

    def take_evaluation_request(self) -> bool:
        """Return whether an evaluation is asked for; whoever takes the request fulfils it."""
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
                message = f"{type(order).__name__} came while a run was in hand"
                self._pipe.send(say.Alerted("order_out_of_turn", message))
            case _:
                assert_never(order)
