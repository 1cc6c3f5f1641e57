"""Whether texts may share a row, in every precision and on kernels that round as GPUs do."""

import json
from typing import Any

import pytest
from mlx.utils import tree_unflatten

from daemon.model.anatomy import Anatomy
from daemon.model.backend import PLAIN_LINEAR, Module, mx, nn
from daemon.model.noise import noise, rounding
from daemon.model.packing_check import PackingCheck, check_packing
from daemon.model.packing_masks import BlockDiagonalMask
from tests.model.families import PACKABLE, make

KINDS = ["bf16", "4-bit in bf16", "4-bit in fp32"]
FEW_ROWS = 13
"""Below so many rows an M5 takes a kernel that does not round to TF32."""


class AsOnM5(Module):
    """A product whose kernel hangs on the number of its rows."""

    def __init__(self, linear: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.weight = linear.weight

    def __call__(self, x: Any) -> Any:
        """Return x times the weight."""
        if x.shape[-2] < FEW_ROWS:
            return x @ self.weight.T
        return tf32(x) @ tf32(self.weight).T


def tf32(numbers: Any) -> Any:
    """Return float32 with the ten bits of a fraction that TF32 has, rounded to the nearest."""
    return ((numbers.view(mx.uint32) + 0x1000) & 0xFFFFE000).view(mx.float32)


def with_tf32() -> Module:
    model = make("llama")
    linears = [
        (name, AsOnM5(module))
        for name, module in model.named_modules()  # type: ignore[no-untyped-call]
        if isinstance(module, PLAIN_LINEAR)
    ]
    model.update_modules(tree_unflatten(linears))
    return model


def of_kind(name: str, kind: str) -> Module:
    model = make(name)
    if kind.endswith("bf16"):
        model.set_dtype(mx.bfloat16)
    if kind.startswith("4-bit"):
        nn.quantize(model, 32, 4)  # type: ignore[attr-defined] # known at run time only
    return model


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PACKABLE)
def test_other_texts_of_a_row_move_nothing_in_any_precision(name: str, kind: str) -> None:
    """In half precision the gate weighed rounding: one text a row, and nobody was told."""
    found = check_packing(Anatomy(of_kind(name, kind)))
    assert found.neighbours == found.repeated == 0.0
    assert found.unmasked > 0.1
    assert found.packs, found.problem


def test_a_model_packs_where_float32_is_computed_in_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts alone and together took other kernels: 2e-3 apart, against a limit of 1e-4."""
    # This machine has no TF32: what a product loses there is put in.
    monkeypatch.setattr("daemon.model.noise.rounding", lambda kind: rounding(kind) + 3e-4)
    found = check_packing(Anatomy(with_tf32()))
    assert found.length > 1e-4
    assert found.neighbours == 0.0 and found.packs, found.problem


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_that_lets_texts_see_each_other_is_found_in_any_precision(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(self: BlockDiagonalMask, width: int, *_: Any, **__: Any) -> Any:
        return mx.tril(mx.ones((width, width), mx.bool_))[None, None]

    monkeypatch.setattr(BlockDiagonalMask, "make_mask", everything)
    found = check_packing(Anatomy(of_kind("llama", kind)))
    assert not found.packs and "the other texts of a row change a text by" in str(found.problem)


def test_learned_positions_are_found_in_half_precision_too() -> None:
    model = make("gpt2")
    model.set_dtype(mx.bfloat16)
    found = check_packing(Anatomy(model))
    assert found.neighbours == 0.0 and not found.packs
    assert "its place in a row changes a text by" in str(found.problem)


def test_the_noise_is_that_of_the_arithmetic() -> None:
    tokens = mx.array([[5, 17, 200, 31, 8, 99]])
    full, half = make("llama"), of_kind("llama", "bf16")
    of_full, of_half = (noise(Anatomy(model), tokens) for model in (full, half))
    assert 1e-7 < of_full < 1e-5 and 3e-3 < of_half < 5e-2
    assert rounding(mx.float32) < rounding(mx.float16) < rounding(mx.bfloat16)


def test_what_was_measured_is_plain_json() -> None:
    record = check_packing(Anatomy(make("llama"))).as_record()
    assert record["packs"] is True and record["neighbours"] == 0.0
    refused = PackingCheck.refusing("no mask").as_record()
    assert refused["place"] is None and refused["refused"] == "no mask"
    json.dumps([record, refused], allow_nan=False)


def test_measuring_draws_nothing_from_the_random_state() -> None:
    anatomy = Anatomy(make("llama"))
    mx.random.seed(4)
    expected = mx.random.normal((4,))
    mx.random.seed(4)
    check_packing(anatomy)
    assert mx.array_equal(mx.random.normal((4,)), expected).item()
