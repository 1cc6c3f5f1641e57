"""Measures what rounding alone does to a model's logits; knows no texts, no adapters.

Graphics processors compute float32 products in TF32 and take other kernels for other shapes, and
half precision rounds at every step: how far two right answers may lie apart is measured, not known.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from daemon.model.anatomy import Anatomy, StandIn
from daemon.model.backend import mx

LEAST = 1e-4
"""Changes of logits below this share of their size count nothing in any arithmetic."""

TIMES = 8.0
"""How many times the noise two right answers may lie apart.

Of 192 random adapters on models in bfloat16 and 4 bits whose products are rounded once more, the
middle one moves logits by 1.3 times the noise, and 188 by less than 8 times. The other four amplify
a rounding by 9 to 80, in either kind of number: two right answers have little in common there, and
a bound that lets them pass would tell nothing from wrong ones.
"""

SHAKEN = 3.0
"""How much a layer's numbers are moved, in roundings: half precision rounds one of them away."""

AMPLIFIED = 8.0
"""What models of four layers make of one rounding; between 4 and 14 in twelve families."""

_SIZE = (32, 256)


def apart_by(whole: Any, parts: Any) -> float:
    """Return the mean difference of two arrays as a share of the mean size of the first."""
    whole, parts = whole.astype(mx.float32), parts.astype(mx.float32)
    share: Any = mx.abs(whole - parts).mean() / (mx.abs(whole).mean() + 1e-9)
    return float(share.item())


def rounding(kind: Any) -> float:
    """Return how far a matrix product in this kind of number is off, as a share of its size.

    About 2e-7 in float32, 3e-4 where that is computed in TF32, 2e-3 in bfloat16.
    """
    first, second = (
        mx.random.normal(shape, key=mx.random.key(number)).astype(kind)
        for number, shape in enumerate((_SIZE, _SIZE[::-1]))
    )
    found = np.array((first @ second).astype(mx.float32), np.float64)
    left, right = (np.array(one.astype(mx.float32), np.float64) for one in (first, second))
    exact = left @ right
    return float(np.abs(found - exact).mean() / np.abs(exact).mean())


def noise(anatomy: Anatomy, tokens: Any) -> float:
    """Return how far the logits move when every layer's output is rounded otherwise.

    `tokens` are (rows, width). A guess for a model whose layers cannot be reached.
    """
    model: Any = anatomy.model
    whole = model(tokens)
    if anatomy.layers_name is None:
        return AMPLIFIED * rounding(whole.dtype)
    shaken = [StandIn(layer, _shaken(layer, number)) for number, layer in enumerate(anatomy.layers)]
    with anatomy.with_layers(shaken):
        return apart_by(whole, model(tokens))


def _shaken(layer: Any, number: int) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        given = layer(*args, **kwargs)
        share = SHAKEN * rounding(given.dtype)
        moved = 1.0 + share * mx.random.normal(given.shape, key=mx.random.key(number))
        return (given.astype(mx.float32) * moved).astype(given.dtype)

    return run
