"""How the words of an answer are chosen, and where it stops; knows no model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sampling:
    """The usual choices; as they stand, always the likeliest word."""

    max_tokens: int
    temperature: float = 0.0
    """0 for the likeliest word; then nothing else but the length and the stops has an effect."""
    top_p: float = 1.0
    """Only the likeliest words that together have this probability; 1 for all."""
    top_k: int = 0
    """Only so many of the likeliest words; 0 for all."""
    min_p: float = 0.0
    """Only words with at least this share of the likeliest one's probability."""
    seed: int | None = None
    """With the same seed and the same machine the same answer comes again."""
    stops: tuple[str, ...] = ()
    """The answer ends before the first of these; none is empty."""


class UpToStop:
    """Lets an answer through up to its first stop, which may lie across pieces.

    What could be the beginning of a stop is held back until more is known.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.stopped = False
        """Whether a stop has come; nothing is let through any more."""

    def take(self, piece: str) -> str:
        """Return what of the answer may be told after one more piece."""
        if self.stopped:
            return ""
        text = self._held + piece
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        self.stopped = bool(places)
        free = min(places) if places else len(text) - _beginning(text, self._stops)
        self._held = "" if places else text[free:]
        return text[:free]

    def rest(self) -> str:
        """Return what was held back, once the answer has ended by itself."""
        text, self._held = self._held, ""
        return text


def until_stop(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """Give the pieces of an answer up to the first stop."""
    gate = UpToStop(stops)
    for piece in pieces:
        if text := gate.take(piece):
            yield text
        if gate.stopped:
            return
    if text := gate.rest():
        yield text


def _beginning(text: str, stops: Sequence[str]) -> int:
    """Return the length of the longest end of a text that begins a stop."""
    lengths = range(min(len(text), max(map(len, stops), default=0)), 0, -1)
    return next((n for n in lengths if any(stop.startswith(text[-n:]) for stop in stops)), 0)
