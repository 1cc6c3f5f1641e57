"""A fast SwiGLU for the CPU, in place of the scalar `exp` of MLX's Linux back end.

`exp` there takes 10 ns a number, `sigmoid` 16. A polynomial takes a tenth of that, because the
compiler vectorises it, and is closer to the true value.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from daemon.model.backend import Module, can_compile, mx

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.models import activations as theirs  # isort: skip

_how = threading.local()

_LARGEST = 87.0
"""Beyond this e^x is not a normal float32 number."""

_LOG2_E = 1.4426950408889634
_ROUNDING = 1.5 * 2.0**23
"""Added to a float32 number, it leaves the nearest integer in the low bits."""

_ROUNDING_BITS = 0x4B400000
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
"""ln 2 in two parts whose products with small integers are exact (Cephes, expf)."""

_TERMS = (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0)

MOST_SHAPES = 64
"""Shapes of one function in one thread: MLX's compiled code of each takes 40 KiB."""


class FewShapes(threading.local):
    """A function compiled once a thread, and again after `MOST_SHAPES` shapes.

    MLX frees compiled code only with its function, and answers have hundreds of lengths. It cannot
    compile without shapes: `View` does not infer them (MLX 0.32.4).
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._compiled = mx.compile(function)
        self._seen: set[tuple[int, ...]] = set()

    def __call__(self, *arrays: Any) -> Any:
        shape = arrays[0].shape
        if shape not in self._seen:
            if len(self._seen) == MOST_SHAPES:
                self._compiled = mx.compile(self._function)
                self._seen.clear()
            self._seen.add(shape)
        return self._compiled(*arrays)


def use_fast_swiglu(model: Module) -> None:
    """Replace mlx-lm's `swiglu` by ours in every layer that calls it, for the whole process."""
    if not can_compile():
        return
    for _, module in model.named_modules():  # type: ignore[no-untyped-call]
        home = sys.modules[type(module).__module__]
        if getattr(home, "swiglu", None) is theirs.swiglu:
            home.swiglu = swiglu  # type: ignore[attr-defined]


@contextmanager
def as_mlx_lm_does() -> Iterator[None]:
    """Use mlx-lm's `swiglu` in this context and thread.

    Inside `mx.checkpoint` ours takes a third more memory than the recomputed layer.
    """
    _how.theirs = True
    try:
        yield
    finally:
        _how.theirs = False


def swiglu(gate: Any, x: Any) -> Any:
    """Return silu(gate) * x; mlx-lm computes other types than float32."""
    if getattr(_how, "theirs", False):
        return theirs.swiglu(gate, x)
    if gate.dtype != mx.float32 or x.dtype != mx.float32:
        return theirs.swiglu(gate, x)
    return _swiglu(gate, x)


def exp(x: Any) -> Any:
    """Return e^x in float32, relative error 3e-7; x is clipped to +-87."""
    x = mx.minimum(mx.maximum(x, -_LARGEST), _LARGEST)
    shifted = x * _LOG2_E + _ROUNDING
    power = shifted - _ROUNDING
    rest = x - power * _LN2_HIGH - power * _LN2_LOW
    found = _TERMS[0]
    for term in _TERMS[1:]:
        found = found * rest + term
    exponent = (shifted.view(mx.int32) - _ROUNDING_BITS + 127) << 23
    return found * exponent.view(mx.float32)


@FewShapes
def _forward(gate: Any, x: Any) -> Any:
    return gate * x / (1.0 + exp(-gate))


@FewShapes
def _backward(gate: Any, x: Any, cotangent: Any) -> tuple[Any, Any]:
    sigmoid = 1.0 / (1.0 + exp(-gate))
    flowing = cotangent * sigmoid
    return flowing * x * (1.0 + gate * (1.0 - sigmoid)), flowing * gate


@mx.custom_function
def _swiglu(gate: Any, x: Any) -> Any:
    return _forward(gate, x)


@_swiglu.vjp
def _swiglu_vjp(primals: tuple[Any, Any], cotangent: Any, _: Any) -> Any:
    # Recomputed from the inputs: no intermediate result is stored for the gradient.
    gate, x = primals
    return _backward(gate, x, cotangent)
