"""Reports to the supervisor what the trainer is doing, so that silence means a hang."""

from daemon.clock import Clock
from daemon.core import messages as say
from daemon.pipes import Pipe

NOTE_EVERY_S = 1.0


class ProgressNotes:
    """Sends at most one note a second, however often there is progress."""

    def __init__(self, pipe: Pipe, clock: Clock) -> None:
        self._pipe = pipe
        self._clock = clock
        self._sent_s: float | None = None

    def send(self, doing: str) -> None:
        """Report what is being done, unless a note was sent within the last second."""
        now_s = self._clock.monotonic_s()
        if self._sent_s is None or now_s - self._sent_s >= NOTE_EVERY_S:
            self._sent_s = now_s
            self._pipe.send(say.Alive(doing))
