"""One answer between the engine and its client: stop strings, time, calls; knows no HTTP."""

from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.core.evaluation.sampling import UpToStop
from daemon.serving.engine import Engine
from daemon.serving.generation import AnswerDelta, AnswerStep, Event, GenerationJob

Deliver = Callable[[Event], None]
"""Called by the engine's thread; must return at once."""


@dataclass
class OpenAnswer:
    """What has been said so far, and what may be told of it."""

    work: GenerationJob
    deliver: Deliver
    until_s: float
    """On the monotonic clock: when it is cut off."""
    tokens: int = 0
    _gate: UpToStop = field(init=False)
    _held: str = ""
    """With tools nothing is told before the end: it may turn out to be a call."""

    def __post_init__(self) -> None:
        """Begin with nothing said."""
        self._gate = UpToStop(self.work.sampling.stops)

    def take(self, said: AnswerStep, engine: Engine) -> bool:
        """Tell what was said; return whether that was the end."""
        self.tokens += said.tokens
        text = self._gate.take(said.text)
        finish = "stop" if self._gate.stopped else said.finish
        if finish is not None:
            text += self._gate.rest()
        self._held += text
        if finish is not None:
            self._end(engine, AnswerDelta("", self.tokens, finish))
        elif not self.work.tools and text:
            self.deliver(AnswerDelta(text, self.tokens))
            self._held = ""
        return finish is not None

    def cut_off(self, engine: Engine) -> None:
        """Tell that the time is over."""
        self._held += self._gate.rest()
        self._end(engine, AnswerDelta("", self.tokens, "length"))

    def _end(self, engine: Engine, end: AnswerDelta) -> None:
        text, calls = self._held, end.calls
        if self.work.tools:
            text, calls = engine.calls(text, self.work.tools)
        self.deliver(AnswerDelta(text, end.tokens, end.finish, calls))
