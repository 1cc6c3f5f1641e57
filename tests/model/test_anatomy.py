"""Models taken apart: head, lower layers and texts in one row give what the whole gives."""

from typing import Any

import numpy as np
import pytest

from daemon.core.workspace.versions import AdapterSpec
from daemon.model import adapters
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx
from daemon.model.packing_check import can_pack
from daemon.model.packing_masks import packing_masks
from tests.model.families import PACKABLE, UNPACKABLE, make

TOKENS = mx.array([[5, 17, 200, 31, 8, 99, 250, 3, 77, 12], [9, 8, 7, 6, 5, 4, 3, 2, 1, 290]])


def close(found: Any, expected: Any, tolerance: float = 1e-5) -> None:
    scale = np.abs(np.array(expected, np.float32)).max()
    difference = np.abs(np.array(found, np.float32) - np.array(expected, np.float32)).max()
    assert difference <= tolerance * scale


@pytest.mark.parametrize("name", PACKABLE)
def test_the_head_at_chosen_positions_gives_the_models_own_logits(name: str) -> None:
    model: Any = make(name)
    anatomy = Anatomy(model)
    assert anatomy.has_head
    whole = model(TOKENS).reshape(20, -1)
    picks = mx.array([3, 0, 19])
    close(anatomy.logits(anatomy.hidden(TOKENS).reshape(20, -1)[picks]), whole[picks])


@pytest.mark.parametrize("name", PACKABLE)
def test_lower_layers_once_and_upper_ones_often_give_the_same(name: str) -> None:
    model: Any = make(name)
    adapters.attach(model, AdapterSpec("lora", 4, 2.0, 0.0, 2, ()), 1)
    anatomy = Anatomy(model)
    assert anatomy.first_adapted() == 2
    state = anatomy.state_below(2, TOKENS, None)
    np.testing.assert_array_equal(
        np.array(anatomy.hidden_above(2, state, TOKENS)), np.array(anatomy.hidden(TOKENS))
    )


@pytest.mark.parametrize("name", PACKABLE)
def test_texts_in_one_row_are_as_each_alone(name: str) -> None:
    model: Any = make(name)
    assert can_pack(Anatomy(model))
    texts = [TOKENS[0, :9], TOKENS[1, :4], TOKENS[1, 2:10]]
    numbers = mx.array([[0] * 9 + [1] * 4 + [2] * 8])
    together = model(mx.concatenate(texts)[None], cache=packing_masks(4, numbers))[0]
    close(together, mx.concatenate([model(text[None])[0] for text in texts]))
    mixed = model(mx.concatenate(texts)[None])[0]
    assert np.abs(np.array(mixed) - np.array(together)).max() > 1e-3


@pytest.mark.parametrize("name", UNPACKABLE)
def test_models_that_cannot_share_a_row_are_recognised(name: str) -> None:
    assert not can_pack(Anatomy(make(name)))


@pytest.mark.parametrize("name", ["mamba", "gpt2"])
def test_their_head_works_at_chosen_positions_all_the_same(name: str) -> None:
    model: Any = make(name)
    anatomy = Anatomy(model)
    assert anatomy.has_head
    picks = mx.array([1, 7, 12])
    logits = anatomy.logits(anatomy.hidden(TOKENS).reshape(20, -1)[picks])
    close(logits, model(TOKENS).reshape(20, -1)[picks])


def test_an_adapter_in_the_first_layer_leaves_nothing_to_keep() -> None:
    model = make("llama")
    adapters.attach(model, AdapterSpec("lora", 4, 2.0, 0.0, -1, ()), 1)
    assert Anatomy(model).first_adapted() == 0


def test_a_model_whose_head_is_elsewhere_is_recognised() -> None:
    model: Any = make("llama")

    class Odd(type(model)):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs)[..., ::-1] + args[0][..., None]

    model.__class__ = Odd
    assert not Anatomy(model).has_head
    assert not Anatomy(model).first_adapted()


def test_the_model_is_left_as_it_was() -> None:
    model: Any = make("gemma3_text")
    before = [id(module) for _, module in model.named_modules()]
    adapters.attach(model, AdapterSpec("lora", 4, 2.0, 0.0, 2, ()), 1)
    attached = [id(module) for _, module in model.named_modules()]
    anatomy = Anatomy(model)
    anatomy.first_adapted()
    can_pack(anatomy)
    with anatomy.checkpointed():
        model(TOKENS)
    assert [id(module) for _, module in model.named_modules()] == attached
    adapters.detach(model)
    assert [id(module) for _, module in model.named_modules()] == before
