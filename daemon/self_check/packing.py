"""Checks that texts which share a row do not see each other, against the arithmetic's own noise."""

from dataclasses import dataclass
from typing import Any

from daemon.model.anatomy import Anatomy
from daemon.model.backend import Module, mx
from daemon.model.packed import apart, can_pack
from daemon.self_check.finding import Found, Place, State, together
from daemon.self_check.tiny import KINDS, make_model

BEFORE, LENGTH, WIDTH = 13, 9, 32
"""Tokens of the text before the one that is looked at, of that one, and of the whole row."""

TIMES_NOISE = 8.0
SHARE_OF_EFFECT = 0.1
"""What a text's place may move stays under so much of what seeing the text before it would move."""


@dataclass(frozen=True)
class Moved:
    """How far the same text's logits are moved, as shares of their size."""

    neighbour: float
    """By other tokens in the text before it."""
    place: float
    """By its place in the row, against the text alone."""
    noise: float
    """By nothing but the width of the row, the text alone in it."""
    unmasked: float
    """By seeing the text before it."""

    @property
    def most(self) -> float:
        """Return how much the place may move."""
        return max(TIMES_NOISE * self.noise, SHARE_OF_EFFECT * self.unmasked)


def tiny_rows(_place: Place) -> Found:
    """Look at a tiny model in each kind of number."""
    return together({kind: packs(make_model(kind)) for kind in KINDS})


def packs(model: Module) -> Found:
    """Return whether a model keeps the texts of a row apart, and whether training takes it so."""
    moved = measure(model)
    taken = can_pack(Anatomy(model))
    kept_apart = moved.neighbour == 0.0 and moved.place <= moved.most < moved.unmasked
    state: State = "ok" if kept_apart and taken else "wrong"
    said = "texts share rows" if taken else "training gives each text a row of its own"
    words = (
        f"{said}; a neighbour moves {moved.neighbour:.1e}, the place {moved.place:.1e} of at most "
        f"{moved.most:.1e}, noise {moved.noise:.1e}, unmasked {moved.unmasked:.1e}"
    )
    return Found(state, words, {**vars(moved), "packed": taken})


def measure(model: Module) -> Moved:
    """Return what moves the logits of a text that shares its row with another."""
    draw = mx.random.key(4)
    first, other = mx.random.randint(3, 300, (2, BEFORE), key=draw)
    text = mx.random.randint(3, 300, (LENGTH,), key=mx.random.split(draw)[0])
    behind = _behind(model, first, text)
    alone = _logits(model, text[None])
    return Moved(
        neighbour=_moved(_behind(model, other, text), behind),
        place=_moved(behind, alone),
        noise=_moved(_padded(model, text), alone),
        unmasked=_moved(_logits(model, mx.concatenate([first, text])[None])[BEFORE:], alone),
    )


def _behind(model: Module, first: Any, text: Any) -> Any:
    """Return a text's logits where another text and padding share its row."""
    tokens = mx.concatenate([first, text, mx.zeros((WIDTH - BEFORE - LENGTH,), mx.int32)])
    found = _logits(model, tokens[None], [BEFORE, LENGTH])
    return found[BEFORE : BEFORE + LENGTH]


def _padded(model: Module, text: Any) -> Any:
    """Return a text's logits in a row of the same width that nothing else is in."""
    tokens = mx.concatenate([text, mx.zeros((WIDTH - LENGTH,), mx.int32)])
    return _logits(model, tokens[None], [LENGTH])[:LENGTH]


def _logits(model: Any, tokens: Any, lengths: list[int] | None = None) -> Any:
    cache = None
    if lengths is not None:
        numbers = [number for number, length in enumerate(lengths) for _ in range(length)]
        numbers += [len(lengths)] * (tokens.shape[1] - len(numbers))
        cache = apart(len(model.layers), mx.array([numbers]))
    return model(tokens, cache=cache)[0].astype(mx.float32)


def _moved(found: Any, expected: Any) -> float:
    return float((mx.abs(found - expected).mean() / mx.abs(expected).mean()).item())
