"""Creates the optimizer that the settings name."""

from collections.abc import Mapping
from typing import Any

from mlx.utils import tree_flatten

from daemon.model.backend import optim
from daemon.settings import TrainingSettings

FIRST_MOMENT: Mapping[str, str | None] = {
    "adamw": "m",
    "adam": "m",
    "adamax": "m",
    "lion": "m",
    "sgd": "v",
    "muon": "v",
    "adagrad": None,
    "adadelta": None,
    "adafactor": None,
    "rmsprop": None,
}
"""By optimizer: the key of the first moment in its state; None if it keeps no such mean.

A mean of squared gradients, which scales the steps, is not a first moment.
"""


def make_optimizer(training: TrainingSettings) -> Any:
    """Return the optimizer the settings name; the rate is set before each step."""
    decay, rate = training.weight_decay, training.peak_rate
    match training.optimizer:
        case "adamw":
            return optim.AdamW(rate, bias_correction=True, weight_decay=decay)
        case "adam":
            return optim.Adam(rate, bias_correction=True)
        case "adamax":
            return optim.Adamax(rate)
        case "adagrad":
            return optim.Adagrad(rate)
        case "adadelta":
            return optim.AdaDelta(rate)
        case "sgd":
            return optim.SGD(rate, momentum=0.9, weight_decay=decay)
        case "lion":
            return optim.Lion(rate, weight_decay=decay)
        case "adafactor":
            return optim.Adafactor(rate, relative_step=False, scale_parameter=False)
        case "rmsprop":
            return optim.RMSprop(rate)
        case "muon":
            return optim.Muon(rate, weight_decay=decay)


def flat_state(state: Any) -> dict[str, Any]:
    """Return an optimizer's state as arrays by dotted name."""
    leaves: Any = tree_flatten(state)
    return dict(leaves)


def shapes_of(arrays: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Return the shape and kind of number of each array."""
    return {name: (tuple(array.shape), array.dtype) for name, array in arrays.items()}
