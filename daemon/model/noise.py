"""Measures how much rounding alone changes a model's logits, as a bound for comparisons.

GPUs compute float32 products in TF32 and use different kernels for different shapes, and half
precision rounds at every step: how far two correct results may differ has to be measured.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from daemon.model.anatomy import Anatomy, StandIn
from daemon.model.backend import mx

LEAST = 1e-4
"""Changes of logits below this share of their size never count."""

TIMES = 8.0
"""How many times the noise two correct results may differ.

Of 192 random adapters on models in bfloat16 and 4 bits whose products are rounded once more, the
median changes logits by 1.3 times the noise, and 188 by less than 8 times. The other four amplify
a rounding by 9 to 80, in either number format: two correct results have little in common there,
and a bound that accepted them would not detect wrong ones.
"""

SHAKEN = 3.0
"""How much a layer's output is perturbed, in roundings: half precision would round one away."""

AMPLIFIED = 8.0
"""By how much models of four layers amplify one rounding; between 4 and 14 in twelve families."""

_SIZE = (32, 256)


def apart_by(whole: Any, parts: Any) -> float:
    """Return the mean difference of two arrays as a share of the mean size of the first."""
    whole, parts = whole.astype(mx.float32), parts.astype(mx.float32)
    share: Any = mx.abs(whole - parts).mean() / (mx.abs(whole).mean() + 1e-9)
    return float(share.item())


def rounding(kind: Any) -> float:
    """Return the relative error of a matrix product in this number format.

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
    """Return how much the logits change when every layer's output is rounded differently.

    `tokens` are (rows, width). This is a guess for a model whose layers are not accessible.
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
