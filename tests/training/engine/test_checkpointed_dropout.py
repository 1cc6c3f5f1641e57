"""Dropout together with gradient checkpointing: both runs through a layer drop the same numbers."""

from typing import Any

import pytest
from mlx.utils import tree_flatten, tree_map

from daemon.core.training.packing import RowShapes
from daemon.core.workspace.versions import AdapterSpec
from daemon.model.backend import mx
from daemon.model.dropout import Dropout, masks_from
from daemon.training.engine.step import Stepper, _norm
from tests.training.engine.test_step import assert_same_gradient, passes, stepper, texts

SHAPES = [RowShapes(64, 64), RowShapes(64, 64, few=True)]


def dropping(kind: Any, shapes: RowShapes, checkpoint: bool = True) -> Stepper:
    spec = AdapterSpec(kind, 4, 2.0, 0.4, 2, ())
    made = stepper("llama", shapes, spec, checkpoint=checkpoint)
    made._model.train()
    return made


def flat(tree: Any) -> dict[str, Any]:
    leaves: Any = tree_flatten(tree)
    return dict(leaves)


@pytest.mark.parametrize("shapes", SHAPES, ids=["eager", "compiled"])
def test_the_gradient_is_that_of_the_loss_that_was_computed(shapes: RowShapes) -> None:
    """Layers were computed again with other masks: the gradient was 85 % off, its sign too."""
    made = dropping("lora", shapes)
    laid = passes(made, texts())
    _, gradient = made._accumulate(laid, 3)
    start = made._model.trainable_parameters()
    # Along its own direction a gradient rises by its length.
    length = _norm(gradient)
    reach = 2e-2 / length
    losses = []
    for sign in (1, -1):
        moved = tree_map(lambda w, g, by=sign * reach / length: w + by * g, start, gradient)
        made._model.update(moved)
        losses.append(made._accumulate(laid, 3)[0])
    made._model.update(start)
    assert (losses[0] - losses[1]) / (2 * reach) == pytest.approx(length, rel=0.02)


@pytest.mark.parametrize("shapes", SHAPES, ids=["eager", "compiled"])
@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_with_the_same_masks_checkpointing_changes_nothing(
    kind: Any, shapes: RowShapes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers were computed again with other masks."""
    made = dropping(kind, shapes)
    loss, gradient = made._accumulate(passes(made, texts()), 3)
    with monkeypatch.context() as patch:
        # Its keys are drawn all the same; only nothing is computed again.
        patch.setattr(mx, "checkpoint", lambda function: function)
        made = dropping(kind, shapes)
        expected_loss, expected = made._accumulate(passes(made, texts()), 3)
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    assert_same_gradient(made, gradient, flat(expected))


def test_each_module_of_a_layer_draws_masks_of_its_own() -> None:
    first, second = Dropout(0.5), Dropout(0.5)
    ones = mx.ones((64,))
    with masks_from(mx.random.key(5)):
        one, other = first(ones), second(ones)
    with masks_from(mx.random.key(5)):
        again = first(ones)
    assert mx.array_equal(one, again).item() and not mx.array_equal(one, other).item()
