"""Dropout whose masks come again when a layer is computed again; knows no adapters, no training."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mlx.utils import tree_unflatten

from daemon.model.backend import Module, PlainDropout, mx

# One for each thread: what is built in one of them is no business of another.
_key: ContextVar[Any] = ContextVar("dropout_key", default=None)


class Dropout(PlainDropout):
    """MLX's own, which can take its masks from a key that is handed in.

    MLX draws from one random state for all. Each call moves that on, so a layer that gradient
    checkpointing computes a second time would get other masks than the ones its output was
    computed with.
    """

    def __call__(self, x: Any) -> Any:
        """Return numbers of the same shape, a share of them zero and the others larger by it."""
        key = _key.get()
        if key is None or self._p_1 == 1 or not self.training:
            return super().__call__(x)
        following, own = mx.random.split(key)
        _key.set(following)
        mask = mx.random.bernoulli(self._p_1, x.shape, key=own)
        return (mask * x) * (1 / self._p_1)


@contextmanager
def masks_from(key: Any) -> Iterator[None]:
    """Have every dropout draw from a key, one after the other, while this lasts; None: as usual."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def new_key() -> Any:
    """Return a key from MLX's random state, which moves on by it."""
    return mx.random.randint(0, 2**32 - 1, (2,), mx.uint32)


def drops(module: Any) -> bool:
    """Return whether a module, or one within it, drops anything when it is called now."""
    return any(
        isinstance(inner, Dropout) and inner.training and inner._p_1 < 1
        for inner in module.modules()
    )


def replace_dropout(model: Module) -> None:
    """Put ours in the place of each dropout of MLX's."""
    found = []
    for name, module in model.named_modules():  # type: ignore[no-untyped-call]
        if type(module) is PlainDropout:
            ours = Dropout(1 - module._p_1)
            # Not from the share again: it would not come back bit by bit.
            ours._p_1 = module._p_1
            found.append((name, ours.train(module.training)))
    if found:
        model.update_modules(tree_unflatten(found))
