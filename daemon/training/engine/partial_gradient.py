"""The gradient sums of an interrupted step, from which it resumes behind its last finished pass.

It resumes in this process or, from a file, in another one.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from mlx.utils import tree_flatten, tree_map, tree_map_with_path, tree_unflatten

from daemon.model.backend import mx
from daemon.training.engine.protocol import EncodedPass

FILE = "gradients.safetensors"
FORMS = {"key": str, "passes": int, "total": float, "supervised": int, "arithmetic": float}


@dataclass(frozen=True, slots=True)
class PartialGradient:
    """Sums over the first passes of a step, evaluated."""

    key: str
    """Identifies the step by its passes and its seed."""
    passes: int = 0
    total: float = 0.0
    """Nats of all supervised tokens."""
    supervised: int = 0
    arithmetic: float = 0.0
    gradients: Any = None

    def plus(self, total: float, supervised: int, arithmetic: float, gradients: Any) -> Self:
        """Return the sums with one more pass."""
        return replace(
            self,
            passes=self.passes + 1,
            total=self.total + total,
            supervised=self.supervised + supervised,
            arithmetic=self.arithmetic + arithmetic,
            gradients=_sum(self.gradients, gradients),
        )

    def mean(self) -> tuple[float, Any]:
        """Return loss and gradient per supervised token."""
        count = max(1, self.supervised)
        return self.total / count, tree_map(lambda g: g / count, self.gradients)

    def save(self, folder: Path) -> None:
        """Write it into a directory under construction."""
        leaves: Any = tree_flatten(self.gradients)
        facts = {name: repr(value) for name, value in asdict(replace(self, gradients=None)).items()}
        facts["key"] = self.key
        mx.save_safetensors(str(folder / FILE), dict(sorted(leaves)), facts)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return what `save` wrote.

        Raises:
            OSError, RuntimeError, KeyError, ValueError: the file cannot be read.
        """
        found: Any = mx.load(str(folder / FILE), return_metadata=True)
        arrays, facts = found
        mx.eval(arrays)
        known: dict[str, Any] = {name: form(facts[name]) for name, form in FORMS.items()}
        return cls(**known, gradients=tree_unflatten(list(arrays.items())))


def key_of(passes: Sequence[EncodedPass], seed: int, *way: object) -> str:
    """Return a hash that identifies a step: its passes, its seed and how it is computed (`way`)."""
    digest = hashlib.sha256(repr((seed, way)).encode())
    for item in passes:
        digest.update(repr((item.width, [len(row) for row in item.rows])).encode())
        for text in item.texts:
            digest.update(repr(len(text.tokens)).encode())
            digest.update(text.tokens.tobytes() + text.supervised.tobytes())
    return digest.hexdigest()


def _sum(gathered: Any, new: Any) -> Any:
    if gathered is None:
        return new
    # In the structure and order of the new tree: a file loses both, and a norm's bits depend on it.
    leaves: Any = tree_flatten(gathered)
    sums = dict(leaves)
    found = tree_map_with_path(lambda path, more: sums[path] + more, new)
    # Evaluated now: a lazy sum would hold the gradients of all passes.
    mx.eval(found)
    return found
