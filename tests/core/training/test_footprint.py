"""What a step is estimated to take: how it grows, and what fits a Mac of 16 GB."""

from dataclasses import replace

import pytest

from daemon.core.training.footprint import (
    MODULES,
    ModelShape,
    PassShape,
    adapter_parameters,
    estimate,
    shape_from_config,
    weight_bytes,
)

GIB = 2**30
LLAMA = ModelShape(28, 3072, 8192, 24, 8, 128, 128256, True, 2, bits=4)
WORK = PassShape(tokens=1024, width=1024, adapted_layers=12, rank=8)
CONFIG = {
    "num_hidden_layers": 28,
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_attention_heads": 24,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 128256,
    "tie_word_embeddings": True,
    "quantization": {"bits": 4, "group_size": 64},
}


def test_the_weights_of_a_known_model_have_its_known_size() -> None:
    # Llama-3.2-3B has 3,212,749,824 parameters.
    assert weight_bytes(replace(LLAMA, bits=None)) == 2 * 3_212_749_824
    assert weight_bytes(LLAMA) / weight_bytes(replace(LLAMA, bits=None)) == pytest.approx(
        4.5 / 16, rel=1e-3
    )
    untied = replace(LLAMA, bits=None, tied=False)
    assert weight_bytes(untied) - weight_bytes(replace(LLAMA, bits=None)) == 2 * 128256 * 3072


def test_the_adapter_is_rank_times_both_sides_of_each_module() -> None:
    one = replace(WORK, adapted_layers=1, modules=("down_proj",))
    assert adapter_parameters(LLAMA, one) == 8 * (8192 + 3072)
    assert adapter_parameters(LLAMA, replace(one, adapted_layers=-1)) == 28 * 8 * (8192 + 3072)
    assert adapter_parameters(LLAMA, replace(one, adapted_layers=99)) == 28 * 8 * (8192 + 3072)


def test_the_total_is_the_sum_of_its_kinds() -> None:
    record = estimate(LLAMA, replace(WORK, kept_bytes=7)).as_record()
    assert record.pop("total") == sum(record.values())
    assert record["kept"] == 7
    assert record["moments"] == 2 * record["adapter"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"tokens": 512, "width": 512}, "activations"),
        ({"width": 512}, "activations"),
        ({"adapted_layers": 6}, "activations"),
        ({"checkpoint": True}, "activations"),
        ({"modules": ("q_proj",)}, "activations"),
        ({"supervised": 256}, "logits"),
        ({"tokens": 256, "width": 256}, "logits"),
        ({"optimizer": "lion"}, "moments"),
        ({"rank": 4}, "adapter"),
    ],
)
def test_less_of_anything_takes_less(change: dict[str, object], kind: str) -> None:
    less = estimate(LLAMA, replace(WORK, **change))  # type: ignore[arg-type]
    more = estimate(LLAMA, WORK)
    assert getattr(less, kind) < getattr(more, kind) and less.total < more.total


def test_numbers_of_half_the_size_take_less_but_not_half() -> None:
    """Beside a base in bf16 the adapter stays fp32, and keeps its inputs once more."""
    half = replace(LLAMA, bits=None)
    full = replace(half, dtype_bytes=4)
    share = estimate(half, WORK).activations / estimate(full, WORK).activations
    assert 0.5 < share < 1.0


def test_an_unknown_optimizer_is_named() -> None:
    with pytest.raises(ValueError, match="adamx"):
        estimate(LLAMA, replace(WORK, optimizer="adamx"))


def test_a_configuration_gives_the_shape() -> None:
    assert shape_from_config(CONFIG, 2) == LLAMA
    assert shape_from_config(
        {"text_config": CONFIG, "quantization": CONFIG["quantization"]}, 2
    ) == (LLAMA)


def test_in_fp32_nothing_is_quantised() -> None:
    assert shape_from_config(CONFIG, 4) == replace(LLAMA, dtype_bytes=4, bits=None)


def test_what_a_configuration_leaves_out_follows_from_the_rest() -> None:
    bare = {k: v for k, v in CONFIG.items() if k not in ("num_key_value_heads", "head_dim")}
    shape = shape_from_config(bare, 2)
    assert (shape.kv_heads, shape.head_dim) == (24, 128)


@pytest.mark.parametrize("key", ["num_hidden_layers", "vocab_size", "intermediate_size"])
def test_a_configuration_without_a_shape_is_refused_by_its_key(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        shape_from_config({k: v for k, v in CONFIG.items() if k != key}, 2)


def test_all_modules_of_a_layer_are_known() -> None:
    assert sum(a * b for a, b in map(LLAMA.module, MODULES)) == 3072 * (3072 * 2 + 1024 * 2) + (
        3 * 3072 * 8192
    )
