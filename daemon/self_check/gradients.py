"""Gradients of the training step and of a plain reference computation, to compare them."""

import math
from collections.abc import Sequence
from typing import Any

from mlx.utils import tree_flatten, tree_map

from daemon.core.training.packing import RowShapes, lay_out
from daemon.model.adapters import adapter_weights, put_weights
from daemon.model.anatomy import Anatomy
from daemon.model.backend import Module, mx, nn
from daemon.model.parallel import ParallelPasses
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine.protocol import EncodedPass
from daemon.training.engine.step import Stepper

RATE = 8.0
"""The rate of plain SGD: the change of the weights is the gradient times this."""

OFFSET = 0.02
"""How far an adapter is moved to measure the slope of its loss, as a norm."""

Gradient = dict[str, Any]


def passes_of(items: Sequence[Encoded], shapes: RowShapes) -> list[EncodedPass]:
    """Return texts as passes of a step."""
    lengths = [len(item.tokens) for item in items]
    return [
        EncodedPass(laid.width, tuple(tuple(items[n] for n in row) for row in laid.rows))
        for laid in lay_out(range(len(items)), lengths, shapes)
    ]


def make_stepper(
    model: Module, shapes: RowShapes, checkpoint: bool = False, **changes: Any
) -> Stepper:
    """Return the stepper of real training, with an optimizer that reveals the gradient."""
    training = TrainingSettings(optimizer="sgd", clip_norm=1e6, **changes)
    return Stepper(Anatomy(model), training, shapes, ParallelPasses(), checkpoint=checkpoint)


def step_gradient(
    model: Module,
    items: Sequence[Encoded],
    shapes: RowShapes,
    checkpoint: bool = False,
    seed: int = 1,
) -> Gradient:
    """Return the gradient by which one real training step moves an adapter."""
    before = dict(adapter_weights(model))
    stepper = make_stepper(model, shapes, checkpoint)
    result = stepper.step(passes_of(items, shapes), RATE, seed)
    stepper.close()
    if not result.applied:
        return {name: mx.full(array.shape, math.nan) for name, array in before.items()}
    after = adapter_weights(model)
    return {name: (before[name] - after[name]) / RATE for name in before}


def slope_error(
    model: Module, items: Sequence[Encoded], shapes: RowShapes, checkpoint: bool = False
) -> float:
    """Return the relative error of a step's gradient against the slope of its loss.

    The slope is measured along the gradient, from losses on both sides, with the same random seed.
    """
    before = dict(adapter_weights(model))
    gradient = step_gradient(model, items, shapes, checkpoint)
    steepness = sum(_squares(array) for array in gradient.values())
    reach = OFFSET / math.sqrt(steepness) if steepness > 0 else math.nan
    stepper = make_stepper(model, shapes, checkpoint)
    losses = []
    for side in (reach, -reach):
        put_weights(model, {name: before[name] + side * gradient[name] for name in before})
        loss = stepper.step(passes_of(items, shapes), 0.0, 1).loss
        losses.append(math.nan if loss is None else loss)
    stepper.close()
    return abs((losses[0] - losses[1]) / (2 * reach) - steepness) / steepness


def plain_gradient(model: Module, items: Sequence[Encoded]) -> Gradient:
    """Return the gradient computed text by text with the model's own forward call only."""
    whole: Any = model

    def nats(tokens: Any, marks: Any) -> Any:
        logits = whole(tokens[None, :-1])[0].astype(mx.float32)
        return (nn.losses.cross_entropy(logits, tokens[1:], reduction="none") * marks).sum()

    differentiate = nn.utils.value_and_grad(model, nats)
    count, gathered = 0, None
    for item in items:
        marks = mx.array(item.supervised[1:]).astype(mx.float32)
        _, found = differentiate(mx.array(item.tokens), marks)
        gathered = found if gathered is None else tree_map(lambda a, b: a + b, gathered, found)
        count += int(item.supervised[1:].sum())
    leaves: Any = tree_flatten(tree_map(lambda g: g / count, gathered))
    return dict(leaves)


def apart(found: Gradient, expected: Gradient) -> float:
    """Return the relative difference of two gradients, by norms."""
    if found.keys() != expected.keys():
        return math.inf
    off = sum(_squares(found[name] - expected[name]) for name in expected)
    length = sum(_squares(array) for array in expected.values())
    return math.sqrt(off / length) if length > 0 else math.inf


def _squares(array: Any) -> float:
    total: Any = mx.square(array.astype(mx.float32)).sum()
    return float(total.item())
