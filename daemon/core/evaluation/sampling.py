"""Sampling of an answer's tokens (temperature, top-p, top-k, min-p, seed), and stop strings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """Sampling parameters; the defaults are greedy."""

    max_tokens: int
    temperature: float = 0.0
    """0 for greedy sampling, on which only the length and the stops have an effect."""
    top_p: float = 1.0
    """Only the likeliest tokens that together have this probability; 1 for all."""
    top_k: int = 0
    """Only this many of the likeliest tokens; 0 for all."""
    min_p: float = 0.0
    """Only tokens with at least this share of the likeliest one's probability."""
    seed: int | None = None
    """The same seed gives the same answer on the same machine."""
    stops: tuple[str, ...] = ()
    """The answer ends before the first of these strings; none is empty."""
    schema: str | None = None
    """A JSON schema, as text, that the answer follows."""


class UpToStop:
    """Passes on a streamed answer up to its first stop string, which may span several deltas.

    Text that could be the beginning of a stop is held back until the next delta.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.stopped = False
        """Whether a stop was found; no more text is passed on."""

    def take(self, delta: str) -> str:
        """Return the text that can be passed on after one more delta."""
        if self.stopped:
            return ""
        text = self._held + delta
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        self.stopped = bool(places)
        free = min(places) if places else len(text) - _beginning(text, self._stops)
        self._held = "" if places else text[free:]
        return text[:free]

    def rest(self) -> str:
        """Return the text that was held back, when the answer ends without a stop."""
        text, self._held = self._held, ""
        return text


def until_stop(deltas: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """Yield the deltas of an answer up to the first stop."""
    gate = UpToStop(stops)
    for delta in deltas:
        if text := gate.take(delta):
            yield text
        if gate.stopped:
            return
    if text := gate.rest():
        yield text


def _beginning(text: str, stops: Sequence[str]) -> int:
    """Return the length of the longest end of a text that is the beginning of a stop."""
    lengths = range(min(len(text), max(map(len, stops), default=0)), 0, -1)
    return next((n for n in lengths if any(stop.startswith(text[-n:]) for stop in stops)), 0)
