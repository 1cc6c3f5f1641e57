"""Clones a model without copying its weights, so that the clone can have another adapter."""

import copy
from typing import Any

from mlx.utils import tree_flatten

from daemon.model.backend import Module


def clone_sharing_weights(model: Module) -> Module:
    """Return a model with its own modules that shares every array, without extra memory."""
    parameters = model.parameters()  # type: ignore[no-untyped-call]
    found: Any = tree_flatten(parameters)
    # deepcopy reuses arrays that its memo lists as already copied.
    shared: dict[int, Any] = {id(array): array for _, array in found}
    return copy.deepcopy(model, shared)
