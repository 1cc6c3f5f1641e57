"""Writes the random models of the tests to disk: float32, or bfloat16 or 4 bits as people have."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from mlx.nn.layers.quantized import quantize
from mlx.utils import tree_flatten

from daemon.model.backend import mx

Kind = Literal["fp32", "bf16", "4bit"]
KINDS: tuple[Kind, ...] = get_args(Kind)

KIND_VARIABLE = "FINETUNED_TEST_BASE"
"""Set by `pytest --as-gpu`, and by the fixture of that name for one test."""

PACKED: dict[str, Any] = {"group_size": 32, "bits": 4}


def chosen_kind() -> Kind:
    """Return the kind of numbers this run of the tests is about."""
    found = os.environ.get(KIND_VARIABLE, "fp32")
    return next(kind for kind in KINDS if kind == found)


def write_base(
    folder: Path, model: Any, config: Mapping[str, Any], kind: Kind | None = None
) -> None:
    """Write configuration and weights of a float32 model; with no kind, in the chosen one."""
    kind = kind or chosen_kind()
    # Quantised after the cast, as mlx-community's are: scales and biases are bfloat16.
    if kind != "fp32":
        model.set_dtype(mx.bfloat16)
    if kind == "4bit":
        quantize(model, **PACKED)
    numbers = {"torch_dtype": "float32" if kind == "fp32" else "bfloat16"}
    packed = {"quantization": PACKED} if kind == "4bit" else {}
    (folder / "config.json").write_text(json.dumps({**config, **numbers, **packed}))
    weights: Any = tree_flatten(model.parameters())
    mx.save_safetensors(
        str(folder / "model.safetensors"), dict(weights), metadata={"format": "mlx"}
    )


def tolerance(exact: float, half: float) -> float:
    """Return how far two ways to the same number may be apart in the chosen kind of base."""
    return exact if chosen_kind() == "fp32" else half
