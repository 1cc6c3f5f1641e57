"""Multi-LoRA: the adapters of several versions on one model, one for each row of a batch.

An adapted module holds the LoRA factors of all versions in two stacks and uses, for each row, those
of the slot that the row is bound to during a pass. Slot 0 is the untouched base. Whether the
results are exact is tested on a probe.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlx.utils import tree_unflatten

from daemon.model.adapters import adapter_weights
from daemon.model.anatomy import Anatomy
from daemon.model.backend import PLAIN_LINEAR, Module, mx
from daemon.model.noise import LEAST, TIMES, apart_by, noise

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.tuner.lora import LoRALinear  # isort: skip

BARE = 0
"""The slot of the base without an adapter."""

_PROBE = ((1, 5, 9), (7, 3, 2), (4, 6, 8))
"""Three rows of tokens to test a model with."""


@dataclass
class _Pass:
    """The slot of each row; empty outside a pass."""

    slots: tuple[int, ...] = ()
    places: Any = None
    """The same as an array, where they differ."""


class RowAdapters:
    """Adapters over one model, each in a slot; used by one thread."""

    def __init__(self, model: Module) -> None:
        """`model` has no adapter yet; its linear modules are wrapped as adapters need them."""
        self.model = model
        self._pass = _Pass()
        self._wrapped: dict[str, _RowLinear] = {}
        self._taken: list[bool] = [True]

    def add(self, adapted: Any) -> int | str:
        """Add the adapter of another model with the same weights; return its slot.

        Instead of a slot, the reason for people where rows would not be computed as that model
        computes them: another kind than plain LoRA on linear modules, or a model whose rows
        affect each other.
        """
        found = _plain_factors(adapted)
        if found is None:
            return "its adapter is not plain LoRA on linear modules"
        free = [slot for slot, taken in enumerate(self._taken) if not taken]
        slot = free[0] if free else len(self._taken)
        if not free:
            self._taken.append(False)
        for name, linear in _linears(self.model, found.keys() - self._wrapped.keys()):
            self._wrapped[name] = _RowLinear(linear, self._pass)
            self.model.update_modules(tree_unflatten([(name, self._wrapped[name])]))
        for name, module in self._wrapped.items():
            module.fill(slot, len(self._taken), found.get(name))
        mx.eval([module.stacks for module in self._wrapped.values()])
        problem = self._problem(adapted, slot)
        if problem is not None:
            return problem
        self._taken[slot] = True
        return slot

    def remove(self, slot: int) -> None:
        """Free a slot for another adapter."""
        self._taken[slot] = slot == BARE

    @contextmanager
    def rows(self, slots: Sequence[int]) -> Iterator[None]:
        """Bind row n of the model's input to the n-th of these slots in this context."""
        assert not self._pass.slots, "one pass at a time"
        self._pass.slots = tuple(slots)
        self._pass.places = mx.array(list(slots), mx.uint32) if len(set(slots)) > 1 else None
        try:
            yield
        finally:
            self._pass.slots, self._pass.places = (), None

    def _problem(self, adapted: Any, slot: int) -> str | None:
        """Return, for people, by how much a row differs from the same row alone; None if not."""
        tokens = mx.array(_PROBE)
        others = mx.array([_PROBE[0], *_PROBE[:0:-1]])
        try:
            mixed = self._computed(tokens, (slot, BARE, slot))
            repeated = self._computed(tokens, (slot, BARE, slot))
            moved = self._computed(others, (slot, slot, BARE))
            bare = self._computed(tokens, (BARE,) * len(_PROBE))
        except (LookupError, TypeError, ValueError) as error:
            return f"its model does not support rows of several versions ({error})"
        own = adapted(tokens)
        change = apart_by(mixed[0], moved[0])
        if not change <= max(LEAST, TIMES * apart_by(mixed[0], repeated[0])):
            return f"other rows change a row by {change:.1e} of its size, and may change nothing"
        change = max(map(apart_by, (own[0], bare[1], own[2]), mixed))
        limit = max(LEAST, TIMES * noise(Anatomy(adapted), tokens))
        if not change <= limit:
            return f"its rows differ by {change:.1e} of their size, and may by {limit:.1e}"
        return None

    def _computed(self, tokens: Any, slots: Sequence[int]) -> Any:
        with self.rows(slots):
            return self.model(tokens)


class _RowLinear(Module):
    """A linear module with the LoRA factors of every slot; zero where a slot does not adapt it."""

    def __init__(self, linear: Any, now: _Pass) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear
        self._now = now
        self._adapted: set[int] = set()
        self.stacks: tuple[Any, Any] | None = None

    def fill(self, slot: int, slots: int, factors: tuple[Any, Any] | None) -> None:
        """Set a slot's factors, (in, rank) and (rank, out), or none, of `slots` slots."""
        self._adapted.discard(slot)
        if factors is not None:
            self._adapted.add(slot)
            first, second = factors
        elif self.stacks is not None:
            first, second = (mx.zeros(stack.shape[1:]) for stack in self.stacks)
        else:
            return
        have = self.stacks or (mx.zeros((0, *first.shape)), mx.zeros((0, *second.shape)))
        rank = max(first.shape[1], have[0].shape[2])
        self.stacks = (
            _filled(have[0], slot, slots, first, (first.shape[0], rank)),
            _filled(have[1], slot, slots, second, (rank, second.shape[1])),
        )

    def __call__(self, x: Any) -> Any:
        """Return the module's output, each row by its own slot."""
        now = self._now
        y = self.linear(x)
        if len(now.slots) != x.shape[0]:
            raise ValueError(f"{x.shape[0]} rows, but {len(now.slots)} are bound to an adapter")
        if self.stacks is None or self._adapted.isdisjoint(now.slots):
            return y
        first, second = self.stacks
        if now.places is None:
            added = (x @ first[now.slots[0]]) @ second[now.slots[0]]
        else:
            low = mx.gather_mm(x.astype(first.dtype), first, rhs_indices=now.places)
            added = mx.gather_mm(low, second, rhs_indices=now.places)
        return y + added.astype(y.dtype)


def _filled(stack: Any, slot: int, slots: int, new: Any, shape: tuple[int, int]) -> Any:
    """Return the stack with another matrix in a slot, all padded with zeros to one shape."""
    parts = [*stack, *[mx.zeros(shape)] * (slots - len(stack))]
    parts[slot] = new
    return mx.stack(
        [
            mx.pad(part, [(0, to - is_now) for to, is_now in zip(shape, part.shape, strict=True)])
            for part in parts
        ]
    )


def _plain_factors(adapted: Any) -> dict[str, tuple[Any, Any]] | None:
    """Return both factors of each adapted module, scale included; None if not all are LoRA."""
    factors: dict[str, tuple[Any, Any]] = {}
    for name, module in adapted.named_modules():
        if type(module) is LoRALinear and isinstance(module["linear"], PLAIN_LINEAR):
            factors[name] = (module["lora_a"], module.scale * module["lora_b"])
    names = {name.rpartition(".")[0] for name in adapter_weights(adapted)}
    return factors if factors.keys() == names else None


def _linears(model: Any, names: Any) -> list[tuple[str, Any]]:
    return [(name, module) for name, module in model.named_modules() if name in names]
