"""Turns engine steps into deltas for one client: stop strings, the time limit, tool calls."""

from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.core.evaluation.sampling import UpToStop
from daemon.serving.engine import Engine
from daemon.serving.generation import AnswerDelta, AnswerStep, Event, GenerationJob, TokenScore

Deliver = Callable[[Event], None]
"""Called by the engine's thread; must return at once."""


@dataclass
class OpenAnswer:
    """The text so far, and what of it may already be sent to the client."""

    work: GenerationJob
    deliver: Deliver
    until_s: float
    """On the monotonic clock: when the answer is cut off."""
    tokens: int = 0
    _stop_filter: UpToStop = field(init=False)
    _buffer: str = ""
    """With tools nothing is sent before the end: the text may turn out to be a call."""
    _scores: tuple[TokenScore, ...] = ()
    """Of tokens that were not sent yet."""

    def __post_init__(self) -> None:
        """Begin with an empty answer."""
        self._stop_filter = UpToStop(self.work.sampling.stops)

    def take(self, step: AnswerStep, engine: Engine) -> bool:
        """Deliver what a step added; return whether the answer has ended."""
        if step.trouble is not None:
            self.deliver(step.trouble)
            return True
        self.tokens += step.tokens
        text = self._stop_filter.take(step.text)
        finish = "stop" if self._stop_filter.stopped else step.finish
        if finish is not None:
            text += self._stop_filter.rest()
        self._buffer += text
        self._scores += step.scores
        if finish is not None:
            self._end(engine, AnswerDelta("", self.tokens, finish))
        elif not self.work.tools and (text or step.scores):
            self.deliver(AnswerDelta(text, self.tokens, scores=self._scores))
            self._buffer, self._scores = "", ()
        return finish is not None

    def cut_off(self, engine: Engine) -> None:
        """End the answer because its time is over."""
        self._buffer += self._stop_filter.rest()
        self._end(engine, AnswerDelta("", self.tokens, "length"))

    def _end(self, engine: Engine, end: AnswerDelta) -> None:
        text, calls = self._buffer, end.calls
        if self.work.tools:
            text, calls = engine.calls(text, self.work.tools)
            calls = calls[:1] if self.work.one_call else calls
        self.deliver(AnswerDelta(text, end.tokens, end.finish, calls, self._scores))
