"""Adapters on a random model, and what is refused of a file."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from daemon.core.workspace.bases import EMPTY_ADAPTER, empty_adapter_config
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault
from daemon.model import adapters
from daemon.model.backend import Module, mx
from daemon.model.loading import load_model
from tests.tiny_bases import tolerance

from mlx_lm.tuner.utils import load_adapters  # isort: skip

INPUT = mx.array([[1, 2, 3, 4]])
ALL = [
    *(f"mlp.{name}_proj" for name in ("down", "gate", "up")),
    *(f"self_attn.{name}_proj" for name in "koqv"),
]


def spec(kind: Literal["lora", "dora"] = "lora", **other: Any) -> AdapterSpec:
    shape = {"rank": 4, "scale": 2.0, "dropout": 0.0, "num_layers": 1, "keys": ()}
    return AdapterSpec(kind, **{**shape, **other})


def answer(model: Module) -> mx.array:
    found: mx.array = model(INPUT)
    mx.eval(found)
    return found


def trained(folder: Path, shape: AdapterSpec, seed: int = 1) -> Module:
    """Return a model whose adapter changes its answers."""
    model, _ = load_model(folder)
    adapters.attach(model, shape, seed)
    weights = adapters.adapter_weights(model)
    moved = {k: v + 0.1 if k.endswith("lora_b") else v for k, v in weights.items()}
    adapters.put_weights(model, moved)
    return model


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_a_fresh_adapter_changes_nothing_and_covers_all_linear_modules(
    tiny_base: Path, kind: Literal["lora", "dora"]
) -> None:
    model, _ = load_model(tiny_base)
    before = answer(model)
    assert adapters.attach(model, spec(kind), 1) == tuple(ALL)
    # DoRA scales what a layer gives by a quotient of norms, which half precision rounds.
    assert mx.allclose(answer(model), before, atol=tolerance(1e-6, 6e-2))
    names = adapters.adapter_weights(model)
    assert all(name.startswith("model.layers.1.") for name in names)
    assert len(names) == len(ALL) * (3 if kind == "dora" else 2)


def test_only_the_adapter_is_trainable(tiny_base: Path) -> None:
    model, _ = load_model(tiny_base)
    adapters.attach(model, spec(num_layers=-1, keys=("self_attn.q_proj",)), 1)
    assert sorted(adapters.adapter_weights(model)) == [
        f"model.layers.{layer}.self_attn.q_proj.{leaf}"
        for layer in (0, 1)
        for leaf in ("lora_a", "lora_b")
    ]


def test_the_same_seed_gives_the_same_adapter(tiny_base: Path) -> None:
    one, other = (trained(tiny_base, spec(), seed=5) for _ in range(2))
    assert mx.array_equal(answer(one), answer(other))


def test_a_taken_off_adapter_leaves_the_bare_base(tiny_base: Path) -> None:
    bare = answer(load_model(tiny_base)[0])
    for kind in ("lora", "dora"):
        model = trained(tiny_base, spec(kind))
        assert not mx.allclose(answer(model), bare, atol=1e-3)
        adapters.detach(model)
        assert mx.array_equal(answer(model), bare)
        assert adapters.adapter_weights(model) == {}


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_a_saved_adapter_answers_the_same_here_and_in_stock_mlx_lm(
    tiny_base: Path, tmp_path: Path, kind: Literal["lora", "dora"]
) -> None:
    model = trained(tiny_base, spec(kind))
    adapters.save_adapter(model, tmp_path / "adapters.safetensors")
    config = adapters.adapter_config(spec(kind), "tiny", tuple(ALL))
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    here, _ = load_model(tiny_base)
    adapters.attach(here, spec(kind), 9)
    adapters.load_adapter(here, tmp_path / "adapters.safetensors")
    stock = load_adapters(load_model(tiny_base)[0], str(tmp_path))
    assert mx.array_equal(answer(here), answer(model))
    assert mx.array_equal(answer(stock), answer(model))


def test_the_empty_adapter_of_an_untouched_base_loads_in_stock_mlx_lm(
    tiny_base: Path, tmp_path: Path
) -> None:
    (tmp_path / "adapters.safetensors").write_bytes(EMPTY_ADAPTER)
    (tmp_path / "adapter_config.json").write_text(json.dumps(empty_adapter_config("tiny")))
    bare, _ = load_model(tiny_base)
    before = answer(bare)
    assert mx.array_equal(answer(load_adapters(bare, str(tmp_path))), before)


def test_keys_that_name_no_module_are_refused_in_one_sentence(tiny_base: Path) -> None:
    model, _ = load_model(tiny_base)
    with pytest.raises(ModelFault, match=r"no module of this model is named nowhere"):
        adapters.attach(model, spec(keys=("nowhere",)), 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda name, array: array * float("nan"), "adapter_damaged"),
        (lambda name, array: array.astype(mx.int32), "adapter_misfit"),
        (lambda name, array: array.reshape(-1), "adapter_misfit"),
        (lambda name, array: None if "q_proj" in name else array, "adapter_misfit"),
    ],
    ids=["not finite", "whole numbers", "another shape", "a module missing"],
)
def test_an_unfit_file_is_refused_and_changes_nothing(
    tiny_base: Path, tmp_path: Path, change: Any, code: str
) -> None:
    """Fault D12."""
    model = trained(tiny_base, spec())
    before = answer(model)
    weights = adapters.adapter_weights(model)
    bad = {k: change(k, v) for k, v in weights.items() if change(k, v) is not None}
    mx.save_safetensors(str(tmp_path / "a.safetensors"), bad)
    with pytest.raises(ModelFault) as caught:
        adapters.load_adapter(model, tmp_path / "a.safetensors")
    assert caught.value.code == code
    assert mx.array_equal(answer(model), before)


def test_a_file_cut_short_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    """Fault D12."""
    model = trained(tiny_base, spec())
    path = tmp_path / "a.safetensors"
    adapters.save_adapter(model, path)
    whole = path.read_bytes()
    for length in (0, 4, 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFault) as caught:
            adapters.load_adapter(model, path)
        assert caught.value.code == "model_damaged"
