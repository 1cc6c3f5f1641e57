"""LoRA and DoRA adapters on mlx-lm models, in files that stock mlx-lm reads; knows no version."""

from pathlib import Path
from typing import Any

from mlx.utils import tree_flatten
from mlx_lm.tuner.utils import linear_to_lora_layers

from daemon.core.versions import AdapterSpec
from daemon.errors import RunFault
from daemon.model.backend import mx, nn

LINEAR = (nn.Linear, nn.QuantizedLinear)
OUTPUT_LEAVES = ("lora_b",)


def attach(model: Any, spec: AdapterSpec, seed: int) -> None:
    """Freeze the base and put a fresh adapter on it; its output is zero, so nothing changes yet.

    Raises:
        RunFault: the model has no module of the asked names.
    """
    model.freeze()
    mx.random.seed(seed)
    parameters = _parameters(model, spec)
    linear_to_lora_layers(model, _count(model, spec), parameters, use_dora=spec.kind == "dora")
    if not tree_flatten(model.trainable_parameters()):
        raise RunFault("no_such_modules", f"the model has no modules called {list(spec.keys)}")
    mx.eval(model.trainable_parameters())


def _count(model: Any, spec: AdapterSpec) -> int:
    return len(model.layers) if spec.num_layers < 0 else min(spec.num_layers, len(model.layers))


def _parameters(model: Any, spec: AdapterSpec) -> dict[str, Any]:
    keys = list(spec.keys) or all_linear(model)
    return {"rank": spec.rank, "scale": spec.scale, "dropout": spec.dropout, "keys": keys}


def all_linear(model: Any) -> list[str]:
    """Return the names of every linear module of a layer, as they stand inside it."""
    names = {
        name.removesuffix(".linear")
        for layer in model.layers
        for name, module in layer.named_modules()
        if isinstance(module, LINEAR)
    }
    return sorted(names)


def adapted(model: Any) -> list[str]:
    """Return the names of the adapted modules, as they stand inside a layer."""
    leaves = {"lora_a", "lora_b", "m"}
    names = set()
    for layer in model.layers:
        for name, _ in tree_flatten(layer.trainable_parameters()):
            stem, leaf = name.rsplit(".", 1)
            names |= {stem} if leaf in leaves else set()
    return sorted(names)


def reset(model: Any, seed: int) -> None:
    """Draw the adapter anew: the input side by the seed alone, in order of names; outputs zero."""
    mx.random.seed(seed)
    fresh = []
    for name, value in sorted(tree_flatten(model.trainable_parameters())):
        leaf = name.rsplit(".", 1)[-1]
        if leaf in OUTPUT_LEAVES:
            fresh.append((name, mx.zeros_like(value)))
        elif leaf == "lora_a":
            bound = 1.0 / value.shape[0] ** 0.5
            drawn = mx.random.uniform(low=-bound, high=bound, shape=value.shape)
            fresh.append((name, drawn.astype(value.dtype)))
    model.load_weights(fresh, strict=False)
    mx.eval(model.trainable_parameters())


def adapter_config(model: Any, spec: AdapterSpec) -> dict[str, Any]:
    """Return the `adapter_config.json` that mlx-lm rebuilds the same adapter from."""
    keys = list(spec.keys) or adapted(model)
    return {
        "fine_tune_type": spec.kind,
        "num_layers": _count(model, spec),
        "lora_parameters": {
            "rank": spec.rank, "scale": spec.scale, "dropout": spec.dropout, "keys": keys,
        },
    }  # fmt: skip


def save_adapter(model: Any, path: Path) -> None:
    """Write the adapter's tensors into a directory that is being built."""
    mx.save_safetensors(str(path), dict(tree_flatten(model.trainable_parameters())))


def load_adapter(model: Any, path: Path) -> None:
    """Take an adapter's tensors over; names, shapes, types and finiteness are checked first.

    Raises:
        RunFault: the file does not fit the model or holds numbers that are not finite.
    """
    try:
        found = mx.load(str(path))
        # Lazy until here: the file may be replaced or removed later.
        mx.eval(found)
    except (RuntimeError, ValueError) as error:
        raise RunFault("adapter_damaged", f"{path} cannot be read: {error}") from error
    expected = dict(tree_flatten(model.trainable_parameters()))
    if set(found) != set(expected):
        odd = sorted(set(found) ^ set(expected))[0]
        raise RunFault("adapter_misfit", f"{path} does not fit the model: {odd}")
    for name, value in found.items():
        if value.shape != expected[name].shape or value.dtype != expected[name].dtype:
            raise RunFault("adapter_misfit", f"{path} does not fit the model: {name} differs")
        if not mx.isfinite(value).all().item():
            raise RunFault("adapter_not_finite", f"{path}: {name} holds numbers that are not finite")
    model.load_weights(list(found.items()), strict=False)
    mx.eval(model.trainable_parameters())


def is_finite(model: Any) -> bool:
    """Return whether every number of the adapter is finite."""
    checks = [mx.isfinite(v).all() for _, v in tree_flatten(model.trainable_parameters())]
    return bool(mx.all(mx.stack(checks)).item()) if checks else True
