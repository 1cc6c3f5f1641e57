"""Counts the arithmetic of a training step, and measures this machine's peak FLOP/s."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

from mlx.utils import tree_flatten

from daemon.model.anatomy import Anatomy
from daemon.model.backend import Module, mx, on_cpu

PEAK_SIDE_CPU = 1024
PEAK_SIDES_GPU = (256, 1024, 4096)
ENOUGH_S = 0.01
"""A product that takes longer saturates the device: a larger one would only take longer."""

TRIES = 3


@dataclass(frozen=True)
class Arithmetic:
    """Floating-point operations of training without attention: two for each weight involved."""

    lower_token: float
    """For each token in the frozen layers below the adapter."""
    upper_token: float
    """For each token in the other layers, forward and backward."""
    supervised: float
    """For each supervised token in the head, forward and backward."""


def arithmetic_of(anatomy: Anatomy, below: int) -> Arithmetic:
    """Return the operations of a model with an adapter; the first `below` layers are frozen."""
    lower = sum(_frozen(layer) for layer in anatomy.layers[:below])
    upper = sum(_frozen(layer) for layer in anatomy.layers[below:])
    learning: Any = tree_flatten(anatomy.model.trainable_parameters())  # type: ignore[no-untyped-call]
    adapter = sum(array.size for _, array in learning)
    tokens = mx.zeros((1, 1), mx.int32)
    model: Any = anatomy.model
    head = model(tokens).shape[-1] * (anatomy.hidden(tokens).shape[-1] if anatomy.has_head else 0)
    return Arithmetic(2.0 * lower, 4.0 * upper + 6.0 * adapter, 4.0 * head)


def _frozen(layer: Module) -> int:
    """Return the number of weights in a layer's products; quantised ones count unpacked."""
    found = 0
    for _, module in layer.named_modules():  # type: ignore[no-untyped-call]
        weight = module.get("weight")
        if weight is None or weight.ndim < 2:
            continue
        # Packed integers: the scales give the number of weights.
        scales = module.get("scales")
        found += weight.size if scales is None else scales.size * module.group_size
    return found


def peak_flops() -> float:
    """Return the FLOP/s of a large matrix product, the best of a few."""
    if on_cpu():
        return _flops(PEAK_SIDE_CPU, mx.float32)
    best = 0.0
    for side in PEAK_SIDES_GPU:
        found = _flops(side, mx.bfloat16)
        best = max(best, found)
        if 2.0 * side**3 / found > ENOUGH_S:
            break
    return best


def _flops(side: int, kind: mx.Dtype) -> float:
    left, right = (mx.random.normal((side, side)).astype(kind) for _ in range(2))
    mx.eval(left @ right)
    best_s = float("inf")
    for _ in range(TRIES):
        began_s = perf_counter()
        mx.eval(left @ right)
        best_s = min(best_s, perf_counter() - began_s)
    return 2.0 * side**3 / best_s
