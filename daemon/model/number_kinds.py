"""Determines from a base model's files in which precision it is computed on this device."""

import json
from collections import Counter
from math import prod
from pathlib import Path

from daemon.core.training.footprint import ModelShape, shape_from_config
from daemon.model.backend import on_cpu
from daemon.model.checks import weight_files
from daemon.model.tensor_files import TensorFacts, read_header

FULL_BYTES, HALF_BYTES = 4, 2
_HALF = frozenset({"F16", "BF16"})


def computed_shape(base: Path) -> ModelShape:
    """Return the shape of a base with the precision in which it is computed here.

    Raises:
        OSError: a file cannot be read.
        ValueError: its configuration has no shape.
        ModelFault: a weights file is damaged.
    """
    config = json.loads((base / "config.json").read_bytes())
    return shape_from_config(config, computing_bytes(base), packed=not on_cpu())


def computing_bytes(base: Path) -> int:
    """Return the bytes of a number in the computation: 4 for fp32, 2 for half precision.

    Activations have the dtype of the scales where weights are quantised, else of the weights.

    Raises:
        ModelFault: a weights file is damaged.
    """
    if on_cpu():
        return FULL_BYTES
    tensors = {name: facts for path in weight_files(base) for name, facts in _tensors(path)}
    scales = {name: facts for name, facts in tensors.items() if name.endswith(".scales")}
    kind = _most_common(scales or tensors)
    return HALF_BYTES if kind is None or kind in _HALF else FULL_BYTES


def _tensors(path: Path) -> list[tuple[str, TensorFacts]]:
    return list(read_header(path).items())


def _most_common(tensors: dict[str, TensorFacts]) -> str | None:
    """Return the dtype of most weights; None without weights."""
    sizes: Counter[str] = Counter()
    for facts in tensors.values():
        sizes[facts.dtype] += prod(facts.shape)
    return max(sizes, key=lambda kind: (sizes[kind], kind), default=None)
