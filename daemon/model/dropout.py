"""Dropout with reproducible masks, for layers that gradient checkpointing recomputes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mlx.utils import tree_unflatten

from daemon.model.backend import Module, PlainDropout, mx

# One for each thread: a graph built in one must not affect another.
_key: ContextVar[Any] = ContextVar("dropout_key", default=None)


class Dropout(PlainDropout):
    """MLX's dropout, which can draw its masks from a given key.

    MLX draws from one global random state. Each call advances it, so a layer that gradient
    checkpointing computes a second time would get other masks than those of its output.
    """

    def __call__(self, x: Any) -> Any:
        """Return an array of the same shape, with a share of it zero and the rest scaled up."""
        key = _key.get()
        if key is None or self._p_1 == 1 or not self.training:
            return super().__call__(x)
        following, own = mx.random.split(key)
        _key.set(following)
        mask = mx.random.bernoulli(self._p_1, x.shape, key=own)
        return (mask * x) * (1 / self._p_1)


@contextmanager
def masks_from(key: Any) -> Iterator[None]:
    """Have every dropout draw from a key, one after the other, in this context; None: as usual."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def new_key() -> Any:
    """Return a key from MLX's random state, which advances."""
    return mx.random.randint(0, 2**32 - 1, (2,), mx.uint32)


def drops(module: Any) -> bool:
    """Return whether a module, or one within it, would apply dropout now."""
    return any(
        isinstance(inner, Dropout) and inner.training and inner._p_1 < 1
        for inner in module.modules()
    )


def replace_dropout(model: Module) -> None:
    """Replace each dropout of MLX by ours."""
    found = []
    for name, module in model.named_modules():  # type: ignore[no-untyped-call]
        if type(module) is PlainDropout:
            ours = Dropout(1 - module._p_1)
            # Not computed from the share: that would not restore the same bits.
            ours._p_1 = module._p_1
            found.append((name, ours.train(module.training)))
    if found:
        model.update_modules(tree_unflatten(found))
