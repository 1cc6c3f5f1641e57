"""Attaches LoRA and DoRA adapters to a base model; saves and loads their weights."""

from collections.abc import Mapping
from pathlib import Path

from mlx.utils import tree_flatten, tree_unflatten

from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault
from daemon.model.backend import PLAIN_LINEAR, Module, mx
from daemon.model.dropout import replace_dropout
from daemon.model.tensor_files import read_header

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.models.switch_layers import QuantizedSwitchLinear, SwitchLinear  # isort: skip
from mlx_lm.tuner.utils import linear_to_lora_layers  # isort: skip
from daemon.core.records import JsonObject

Weights = dict[str, mx.array]

_LINEAR = (*PLAIN_LINEAR, SwitchLinear, QuantizedSwitchLinear)
_LEAVES = frozenset({"lora_a", "lora_b", "m"})
_FLOATS = {"F32": mx.float32, "F16": mx.float16, "BF16": mx.bfloat16}


def all_linear(model: Module) -> list[str]:
    """Return the names of all linear modules within the layers, as `keys` writes them."""
    found = {
        name
        for layer in model.layers
        for name, module in layer.named_modules()
        if isinstance(module, _LINEAR)
    }
    return sorted(found)


def attach(model: Module, spec: AdapterSpec, seed: int) -> tuple[str, ...]:
    """Freeze the base and attach a new adapter, which changes nothing yet; return its keys.

    Raises:
        ModelFault: no module of the model has such a name, or it does not support this kind.
    """
    keys = spec.keys or tuple(all_linear(model))
    model.freeze()
    mx.random.seed(seed)
    try:
        linear_to_lora_layers(
            model, spec.num_layers, _parameters(spec, keys), use_dora=spec.kind == "dora"
        )
    except ValueError as error:
        raise ModelFault("adapter_unsupported", f"{error}") from error
    replace_dropout(model)
    weights = adapter_weights(model)
    if not weights:
        message = f"no module of this model is named {', '.join(keys)}: change training.keys"
        raise ModelFault("adapter_unsupported", message)
    mx.eval(weights)
    return keys


def check_trainable(model: Module) -> None:
    """Check that every adapted module can be trained here.

    The head is computed in chunks, with a gradient for its input but not for its weights; where it
    is tied to the embedding, half of the embedding's gradient would be missing.

    Raises:
        ModelFault: an embedding or the head is adapted.
    """
    within = {id(module) for layer in model.layers for _, module in layer.named_modules()}
    outside = sorted(
        name
        for name, module in model.named_modules()  # type: ignore[no-untyped-call]
        if id(module) not in within and _LEAVES & module.keys()
    )
    if outside:
        message = (
            f"{', '.join(outside)} lies outside the model's layers and cannot be trained here: "
            "remove it from training.keys"
        )
        raise ModelFault("adapter_unsupported", message)


def detach(model: Module) -> None:
    """Remove the adapter: the model is the bare base again."""
    bare = []
    for name, module in model.named_modules():  # type: ignore[no-untyped-call]
        if _LEAVES & module.keys() and isinstance(module.get("linear"), Module):
            bare.append((name, module["linear"]))
        elif _LEAVES & module.keys() and isinstance(module.get("embedding"), Module):
            bare.append((name, module["embedding"]))
    if bare:
        model.update_modules(tree_unflatten(bare))


def adapter_config(spec: AdapterSpec, base: str, keys: tuple[str, ...]) -> JsonObject:
    """Return `adapter_config.json` as mlx-lm reads it; `keys` are the ones `attach` returned."""
    return {
        "fine_tune_type": spec.kind,
        "model": f"models/base/{base}",
        "num_layers": spec.num_layers,
        "lora_parameters": _parameters(spec, keys),
    }


def _parameters(spec: AdapterSpec, keys: tuple[str, ...]) -> JsonObject:
    return {
        "rank": spec.rank,
        "scale": spec.scale,
        "dropout": spec.dropout,
        "keys": list(keys),
    }


def adapter_weights(model: Module) -> Weights:
    """Return the adapter's arrays by name; they are the model's own, not copies."""
    trainable = model.trainable_parameters()  # type: ignore[no-untyped-call]
    found: Weights = dict(tree_flatten(trainable))
    return {name: found[name] for name in sorted(found) if name.rsplit(".", 1)[-1] in _LEAVES}


def put_weights(model: Module, weights: Mapping[str, mx.array]) -> None:
    """Replace the adapter's arrays by others of the same names and shapes."""
    model.update(tree_unflatten(list(weights.items())))
    mx.eval(adapter_weights(model))


def is_finite(weights: Mapping[str, mx.array]) -> bool:
    """Return whether every number is finite."""
    verdicts = [mx.isfinite(array).all() for array in weights.values()]
    return not verdicts or bool(mx.stack(verdicts).all().item())


def save_adapter(model: Module, path: Path) -> None:
    """Write the adapter into a directory being built; `path` ends in .safetensors."""
    mx.save_safetensors(str(path), adapter_weights(model), metadata={"format": "mlx"})


def load_adapter(model: Module, path: Path) -> None:
    """Load the adapter's weights from a file; on any misfit the model stays unchanged.

    Raises:
        ModelFault: the file is damaged, belongs to another adapter, or has non-finite numbers.
    """
    own = adapter_weights(model)
    _check_fit(own, path)
    loaded: Weights = mx.load(str(path))  # type: ignore[assignment]
    # Loading is lazy: the file may be pruned before the arrays are first used.
    mx.eval(loaded)
    if not is_finite(loaded):
        raise ModelFault("adapter_damaged", f"{path} holds numbers that are not finite")
    put_weights(model, {name: array.astype(own[name].dtype) for name, array in loaded.items()})


def _check_fit(own: Weights, path: Path) -> None:
    header = read_header(path)
    if header.keys() != own.keys():
        odd = min(header.keys() ^ own.keys())
        message = f"{path} belongs to another adapter: {odd} is only in one of the two"
        raise ModelFault("adapter_misfit", message)
    for name, facts in header.items():
        if facts.shape != own[name].shape:
            message = f"{path}: {name} has shape {facts.shape}, expected {own[name].shape}"
            raise ModelFault("adapter_misfit", message)
        if facts.dtype not in _FLOATS:
            message = f"{path}: {name} has numbers of kind {facts.dtype}"
            raise ModelFault("adapter_misfit", message)
