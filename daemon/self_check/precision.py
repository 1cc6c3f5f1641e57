"""Measures the precision of float32 products on this device, and derives bounds from it."""

import math
from functools import cache
from typing import Any

import numpy as np

from daemon.model.backend import mx
from daemon.self_check.finding import CheckContext, CheckResult

SIZE = 512
FULL = 1e-5
"""Error of a float32 product summed in float32; TF32 is a hundred times worse."""

HALF_BOUND = 5e-2
TF32_BOUND = 5e-3
FLOAT32_BOUND = 1e-4


@cache
def product_error() -> float:
    """Return the relative error (by norms) of a float32 product against float64."""
    draw = np.random.default_rng(1)
    left, right = (draw.standard_normal((SIZE, SIZE)).astype(np.float32) for _ in range(2))
    exact = left.astype(np.float64) @ right.astype(np.float64)
    product = mx.array(left) @ mx.array(right)
    mx.eval(product)
    found: Any = np.array(product, np.float64)
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def bound(kind: str) -> float:
    """Return how much the same sums may differ by their order, in a number format."""
    if kind != "float32":
        return HALF_BOUND
    return FLOAT32_BOUND if product_error() <= FULL else TF32_BOUND


def product(_place: CheckContext) -> CheckResult:
    """Check whether float32 products have the precision of float32."""
    error = product_error()
    if not math.isfinite(error) or error > TF32_BOUND:
        return CheckResult("wrong", f"a product of float32 is {error:.1e} off", {"error": error})
    kind = "full" if error <= FULL else "TF32 (MLX_ENABLE_TF32=0 turns it off)"
    return CheckResult("said", f"float32 products: {kind}, {error:.1e} off", {"error": error})
