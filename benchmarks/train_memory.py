"""Memory of one gradient, beside the estimate of `daemon/core/training/footprint.py`."""

import argparse
import gc
import json
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from mlx.utils import tree_flatten

from daemon.core.training.footprint import ModelShape, PassShape, estimate, shape_from_config
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model import adapters
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx, nn
from daemon.model.bases import prepare
from daemon.model.loading import load_model

MODEL = "smollm2-135m"
FP32 = 4
BF16 = 2

PASSES = [
    PassShape(tokens=64, width=64, adapted_layers=16, rank=16, supervised=64),
    PassShape(tokens=128, width=128, adapted_layers=16, rank=16, supervised=64),
    PassShape(tokens=256, width=256, adapted_layers=8, rank=16, supervised=64),
    PassShape(tokens=256, width=256, adapted_layers=16, rank=16, supervised=64),
    PassShape(tokens=256, width=256, adapted_layers=16, rank=64, supervised=64),
    PassShape(tokens=256, width=256, adapted_layers=16, rank=16, supervised=256),
    PassShape(tokens=256, width=256, adapted_layers=30, rank=16, supervised=64),
    PassShape(tokens=512, width=128, adapted_layers=16, rank=16, supervised=64),
    PassShape(tokens=512, width=512, adapted_layers=16, rank=16, supervised=64),
    PassShape(512, 512, 16, 16, supervised=64, checkpoint=True),
    PassShape(256, 256, 30, 16, supervised=64, checkpoint=True),
    PassShape(tokens=1024, width=1024, adapted_layers=16, rank=16, supervised=64),
]
SLOW_PASSES = PASSES[:3]
"""For bf16 and 4-bit, which the CPU does slowly; their memory is what it is anywhere."""


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        layout = Layout(Path(folder))
        layout.bases.mkdir(parents=True)
        base = layout.base(prepare(layout, MODEL).name)
        config = json.loads((base / "config.json").read_bytes())
        model, _ = load_model(base)
    packed = {**config, "quantization": {"bits": 4, "group_size": 64}}
    print("| numbers | tokens | width | layers | rank | supervised | measured | estimated | off |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    show("fp32", model, shape_from_config(config, FP32), PASSES)
    model.set_dtype(mx.bfloat16)
    show("bf16", model, shape_from_config(config, BF16), SLOW_PASSES)
    nn.quantize(model, 64, 4)  # type: ignore[attr-defined] # known at run time only
    show("4-bit", model, shape_from_config(packed, BF16), SLOW_PASSES)


def show(name: str, model: Any, shape: ModelShape, passes: Iterable[PassShape]) -> None:
    """Print one line for each pass; the weights, which are known exactly, are left out."""
    for work in passes:
        resident = estimate(shape, work).weights
        measured = measure(model, shape, work) - resident
        estimated = estimate(shape, work).total - resident
        layers = f"{work.adapted_layers}{' twice' if work.checkpoint else ''}"
        print(
            f"| {name} | {work.tokens} | {work.width} | {layers} | {work.rank} | "
            f"{work.supervised} | {measured / 1e6:.0f} MB | {estimated / 1e6:.0f} MB | "
            f"{estimated / measured - 1:+.0%} |",
            flush=True,
        )


def measure(model: Any, shape: ModelShape, work: PassShape) -> int:
    """Return the peak, in bytes, of one gradient with weights, adapter and moments resident."""
    keys = tuple(f"{_place(name)}.{name}" for name in work.modules)
    spec = AdapterSpec(work.kind, work.rank, 2.0, 0.0, work.adapted_layers, keys)
    adapters.attach(model, spec, 1)
    draw = np.random.default_rng(0)
    rows = work.tokens // work.width
    tokens = mx.array(draw.integers(3, shape.vocabulary, (rows, work.width)).astype(np.int32))
    picks = mx.array(np.arange(work.tokens - work.supervised, work.tokens).astype(np.int32))
    targets = mx.array(draw.integers(3, shape.vocabulary, work.supervised).astype(np.int32))

    anatomy = Anatomy(model)

    def loss() -> Any:
        with anatomy.checkpointed() if work.checkpoint else nullcontext():
            hidden = model.model(tokens)
        head = model.model.embed_tokens.as_linear
        logits = head(hidden.reshape(-1, shape.hidden)[picks])
        return nn.losses.cross_entropy(logits.astype(mx.float32), targets, reduction="sum")

    trained: Any = tree_flatten(model.trainable_parameters())
    moments = [mx.zeros_like(leaf) for _, leaf in trained for _ in range(2)]
    differentiate: Any = nn.utils.value_and_grad(model, loss)
    mx.eval(model.parameters(), moments, tokens, picks, targets)
    gc.collect()
    mx.clear_cache()
    mx.reset_peak_memory()
    mx.eval(differentiate())
    peak = int(mx.get_peak_memory())
    adapters.detach(model)
    return peak


def _place(name: str) -> str:
    return "self_attn" if name in ("q_proj", "k_proj", "v_proj", "o_proj") else "mlp"


if __name__ == "__main__":
    main()
