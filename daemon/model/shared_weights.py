"""Makes a second model over the same weights, so that another adapter can be put on it."""

import copy
from typing import Any

from mlx.utils import tree_flatten

from daemon.model.backend import Module


def clone_sharing_weights(model: Module) -> Module:
    """Return a model with modules of its own that shares every array: it costs no memory."""
    parameters = model.parameters()  # type: ignore[no-untyped-call]
    found: Any = tree_flatten(parameters)
    # Arrays that count as copied already are taken over as they are.
    shared: dict[int, Any] = {id(array): array for _, array in found}
    return copy.deepcopy(model, shared)
