"""Splits mlx-lm's models into trunk, layers and head, without changing their code.

A part is replaced by a stand-in while the model runs and restored after, so that scaling, capping
and masks stay the model's own. Whether a split is exact is tested on a probe.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mlx.utils import tree_flatten

from daemon.model.activations import as_mlx_lm_does
from daemon.model.backend import Module, mx
from daemon.model.dropout import drops, masks_from, new_key

_TRUNKS = ("model", "transformer", "backbone")
_TOLERANCE = {mx.float32: 1e-4}
_HALF_TOLERANCE = 2e-2
_PROBE = (5, 9, 7)
"""Lengths of the probe texts, in tokens."""


class StandIn(Module):
    """Runs in place of another module; all attributes are the other's."""

    def __init__(self, real: Module, call: Callable[..., Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # Outside the module tree: no parameter may be found twice.
        object.__setattr__(self, "_real", real)
        object.__setattr__(self, "_call", call)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the replacement."""
        return object.__getattribute__(self, "_call")(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_real"), name)


class Anatomy:
    """One model and its parts.

    Tokens are (rows, width); hidden states are (rows, width, hidden).
    """

    def __init__(self, model: Module) -> None:
        self.model = model
        self.building = threading.RLock()
        """Held while a graph is built: meanwhile parts are replaced, for all threads."""
        self._outer = _holder(model)
        self._trunk_name = next((name for name in _TRUNKS if name in (self._outer or {})), None)
        with _in_eval_mode(model):
            self.has_head = self._outer is not None and self._tails_agree()

    # --- head ---------------------------------------------------------------------------------

    def hidden(self, tokens: Any, cache: Sequence[Any] | None = None) -> Any:
        """Return the final hidden states, the input of the head: (rows, width, hidden)."""
        return self._trunk()(tokens, cache=cache)

    def logits(self, hidden: Any) -> Any:
        """Return the logits of hidden states: (positions, hidden) to (positions, vocabulary)."""
        assert self._outer is not None and self._trunk_name is not None
        given = hidden[None]
        tokens = mx.zeros((1, hidden.shape[0]), mx.int32)
        with _replaced(
            self._outer, self._trunk_name, StandIn(self._trunk(), lambda *_, **__: given)
        ):
            return self._outer(tokens)[0]

    def _trunk(self) -> Any:
        assert self._outer is not None and self._trunk_name is not None
        return self._outer[self._trunk_name]

    def _tails_agree(self) -> bool:
        if self._trunk_name is None:
            return False
        tokens = _probe()
        whole = self.model(tokens)
        try:
            hidden = self.hidden(tokens)
            parts = self.logits(hidden.reshape(-1, hidden.shape[-1]))
        except (AttributeError, LookupError, TypeError, ValueError):
            return False
        return alike(whole.reshape(-1, whole.shape[-1]), parts)

    # --- layers -------------------------------------------------------------------------------

    def first_adapted(self) -> int:
        """Return how many layers lie below every trainable one; 0 if a split cannot work."""
        if not self.has_head or self.layers_name is None:
            return 0
        trainable_counts = [len(_trainable(layer)) for layer in self.layers]
        if sum(trainable_counts) != len(_trainable(self.model)):
            # A trainable embedding changes the hidden states of every layer.
            return 0
        below = next((number for number, count in enumerate(trainable_counts) if count), 0)
        with _in_eval_mode(self.model):
            return below if below and self._split_agrees(below) else 0

    @property
    def layers(self) -> list[Any]:
        """The model's layers, from the first."""
        return list(self.model.layers)

    def state_below(self, below: int, tokens: Any, cache: Sequence[Any] | None) -> Any:
        """Return the output of the first `below` layers, (rows, width, hidden)."""
        captured: list[Any] = []

        def tap(layer: Any) -> Callable[..., Any]:
            def run(*args: Any, **kwargs: Any) -> Any:
                captured.append(layer(*args, **kwargs))
                return captured[0]

            return run

        layers = self.layers
        last = StandIn(layers[below - 1], tap(layers[below - 1]))
        above = [StandIn(layer, _identity) for layer in layers[below:]]
        with self.with_layers([*layers[: below - 1], last, *above]):
            self.hidden(tokens, cache)
        return captured[0]

    def hidden_above(
        self, below: int, state: Any, tokens: Any, cache: Sequence[Any] | None = None
    ) -> Any:
        """Return the final hidden states, computed from the result of `state_below`."""
        layers = self.layers
        idle = [StandIn(layer, _identity) for layer in layers[: below - 1]]
        feed = StandIn(layers[below - 1], lambda *_, **__: state)
        with self.with_layers([*idle, feed, *layers[below:]]):
            return self.hidden(tokens, cache)

    @contextmanager
    def checkpointed(self) -> Iterator[None]:
        """Apply gradient checkpointing to every layer in this context."""
        with self.with_layers([StandIn(layer, _recomputed(layer)) for layer in self.layers]):
            yield

    def _split_agrees(self, below: int) -> bool:
        tokens = _probe()
        try:
            state = self.state_below(below, tokens, None)
            parts = self.hidden_above(below, state, tokens)
        except (AttributeError, LookupError, TypeError, ValueError):
            return False
        return alike(self.hidden(tokens), parts)

    @property
    def layers_name(self) -> str | None:
        """The name of the trunk's list of layers; None if it has no such list."""
        if self._outer is None or self._trunk_name is None:
            return None
        layers = self.layers
        for name, value in self._trunk().items():
            if isinstance(value, list) and len(value) == len(layers) and value[0] is layers[0]:
                return str(name)
        return None

    @contextmanager
    def with_layers(self, layers: list[Any]) -> Iterator[None]:
        """Replace the layers by as many others in this context."""
        name = self.layers_name
        assert name is not None
        with _replaced(self._trunk(), name, layers):
            yield


def alike(whole: Any, parts: Any) -> bool:
    """Return whether two arrays are equal up to rounding."""
    if whole.shape != parts.shape:
        return False
    tolerance = _TOLERANCE.get(whole.dtype, _HALF_TOLERANCE)
    whole, parts = whole.astype(mx.float32), parts.astype(mx.float32)
    difference = mx.abs(whole - parts).mean() / (mx.abs(whole).mean() + 1e-9)
    return bool((difference < tolerance).item())


def probe_rows() -> list[Any]:
    """Return short texts of different lengths, as arrays of tokens."""
    ends = [sum(_PROBE[: number + 1]) for number in range(len(_PROBE))]
    return [
        mx.arange(end - size, end, dtype=mx.int32) + 1
        for end, size in zip(ends, _PROBE, strict=True)
    ]


def _probe() -> Any:
    return mx.concatenate(probe_rows())[None]


def _trainable(module: Any) -> list[Any]:
    return list(tree_flatten(module.trainable_parameters()))


def _holder(model: Module) -> Any:
    """Return the module that runs trunk and head: the model, or the text part of a larger one."""
    holder: Any = model
    while holder is not None and not any(name in holder for name in _TRUNKS):
        holder = holder.get("language_model")
    return holder


@contextmanager
def _replaced(holder: Any, name: str, value: Any) -> Iterator[None]:
    real = holder[name]
    holder[name] = value
    try:
        yield
    finally:
        holder[name] = real


@contextmanager
def _in_eval_mode(model: Module) -> Iterator[None]:
    """Switch dropout off in this context: the same tokens give the same numbers."""
    was = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was)


def _identity(given: Any, *_: Any, **__: Any) -> Any:
    return given


def _recomputed(layer: Any) -> Callable[..., Any]:
    def run(given: Any, *args: Any, **kwargs: Any) -> Any:
        def forward(own: Any, into: Any, key: Any) -> Any:
            layer.update(own)
            # Random bits have no gradient, so their key must not get one.
            with as_mlx_lm_does(), masks_from(None if key is None else mx.stop_gradient(key)):
                return layer(into, *args, **kwargs)

        # Drawn here, once: forward runs again for the gradient and must use the same mask.
        key = new_key() if drops(layer) else None
        # The trainable parameters are passed as arguments: captured ones get no gradient.
        return mx.checkpoint(forward)(layer.trainable_parameters(), given, key)

    return run
