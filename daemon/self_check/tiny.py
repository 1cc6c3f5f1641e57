"""Tiny random Llama models in each number format, in memory or as a base model on the disk."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mlx.utils import tree_flatten

from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model import adapters
from daemon.model.backend import Module, mx, nn
from daemon.text.encoder import Encoded
from daemon.training.engine.stub_base import make_base

# mlx_lm imports mlx itself, so it must come after the back end is set up.
from mlx_lm.models.llama import Model, ModelArgs  # isort: skip
from daemon.core.records import JsonObject

KINDS = ("float32", "bfloat16", "4-bit")
GROUP, BITS = 32, 4
CONFIG: JsonObject = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 320,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "max_position_embeddings": 4096,
    "eos_token_id": 2,
}
SPEC = AdapterSpec("lora", 4, 2.0, 0.0, 2, ())
MOVED = 0.1
"""How far an adapter is moved off its initial value, where one of its halves has no gradient."""


def make_model(kind: str, changes: Mapping[str, object] | None = None) -> Module:
    """Return a model in a number format; with 4 bits its scales are bfloat16."""
    mx.random.seed(3)
    model: Module = Model(ModelArgs.from_dict(CONFIG | dict(changes or {})))
    if kind != "float32":
        model.set_dtype(mx.bfloat16)
    if kind == "4-bit":
        nn.quantize(model, GROUP, BITS)  # type: ignore[attr-defined]
    mx.eval(model.parameters())  # type: ignore[no-untyped-call]
    model.eval()
    return model


def adapted(model: Module, spec: AdapterSpec = SPEC, seed: int = 9) -> Module:
    """Attach an adapter, moved off its initial value, to a model and return the model."""
    adapters.attach(model, spec, 5)
    weights = adapters.adapter_weights(model)
    mx.random.seed(seed)
    moved = {
        name: array + MOVED * mx.random.normal(array.shape).astype(array.dtype)
        for name, array in weights.items()
    }
    adapters.put_weights(model, moved)
    return model


def texts(count: int = 7, seed: int = 0, longest: int = 39) -> list[Encoded]:
    """Return texts of different lengths, the later half of each supervised."""
    draw = np.random.default_rng(seed)
    found = []
    for number in range(count):
        length = 9 + (longest - 9) * number // max(1, count - 1)
        tokens = draw.integers(3, 300, length).astype(np.int32)
        found.append(Encoded(tokens, np.arange(length) >= length // 2))
    return found


def write_base(folder: Path) -> Path:
    """Write such a model as a base that every loader accepts; return its directory."""
    facts = make_base(Layout(folder), "self-check")
    base = Layout(folder).base(facts.name)
    parameters = make_model("float32").parameters()  # type: ignore[no-untyped-call]
    weights: Any = dict(tree_flatten(parameters))
    mx.save_safetensors(str(base / "model.safetensors"), weights, metadata={"format": "mlx"})
    (base / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return base
