"""Puts the adapters of several versions on one model: each row of a batch is computed with its own.

An adapted module holds the factors of all of them in two stacks and takes, for each row, the ones
of the slot that the row is bound to while a pass lasts. Slot 0 is the untouched base. What this
cannot do exactly is found by trying. Knows no versions, no files and no requests.
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
"""Three rows of tokens with which a model is tried."""


@dataclass
class _Pass:
    """Which slot each row has; nothing outside a pass."""

    slots: tuple[int, ...] = ()
    places: Any = None
    """The same as an array, where they differ."""


class RowAdapters:
    """Adapters over one model, each in a slot; used by one thread."""

    def __init__(self, model: Module) -> None:
        """`model` carries no adapter yet; its linear modules are wrapped where one is put on."""
        self.model = model
        self._pass = _Pass()
        self._wrapped: dict[str, _RowLinear] = {}
        self._taken: list[bool] = [True]

    def put_on(self, worn: Any) -> int | str:
        """Take over the adapter that another model over the same weights wears; return its slot.

        Why there is none, for people, where rows with it would not be computed as that model
        computes them: another kind than plain LoRA on linear modules, or a model that does not
        keep its rows apart.
        """
        found = _plain_factors(worn)
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
        problem = self._problem(worn, slot)
        if problem is not None:
            return problem
        self._taken[slot] = True
        return slot

    def take_off(self, slot: int) -> None:
        """Leave a slot to another adapter."""
        self._taken[slot] = slot == BARE

    @contextmanager
    def rows(self, slots: Sequence[int]) -> Iterator[None]:
        """Have row n of what the model is called with computed by slot n, while this lasts."""
        assert not self._pass.slots, "one pass at a time"
        self._pass.slots = tuple(slots)
        self._pass.places = mx.array(list(slots), mx.uint32) if len(set(slots)) > 1 else None
        try:
            yield
        finally:
            self._pass.slots, self._pass.places = (), None

    def _problem(self, worn: Any, slot: int) -> str | None:
        """Say, for people, by how much a row is not what it is alone; None where all are."""
        tokens = mx.array(_PROBE)
        others = mx.array([_PROBE[0], *_PROBE[:0:-1]])
        try:
            mixed = self._computed(tokens, (slot, BARE, slot))
            repeated = self._computed(tokens, (slot, BARE, slot))
            moved = self._computed(others, (slot, slot, BARE))
            bare = self._computed(tokens, (BARE,) * len(_PROBE))
        except (LookupError, TypeError, ValueError) as error:
            return f"its model does not take rows of several versions ({error})"
        own = worn(tokens)
        change = apart_by(mixed[0], moved[0])
        if not change <= max(LEAST, TIMES * apart_by(mixed[0], repeated[0])):
            return f"other rows change a row by {change:.1e} of its size, and may change nothing"
        change = max(map(apart_by, (own[0], bare[1], own[2]), mixed))
        limit = max(LEAST, TIMES * noise(Anatomy(worn), tokens))
        if not change <= limit:
            return f"its rows come out {change:.1e} of their size apart, and may by {limit:.1e}"
        return None

    def _computed(self, tokens: Any, slots: Sequence[int]) -> Any:
        with self.rows(slots):
            return self.model(tokens)


class _RowLinear(Module):
    """A linear module and the factors of every slot, zero where one does not adapt it."""

    def __init__(self, linear: Any, now: _Pass) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.linear = linear
        self._now = now
        self._adapted: set[int] = set()
        self.stacks: tuple[Any, Any] | None = None

    def fill(self, slot: int, slots: int, factors: tuple[Any, Any] | None) -> None:
        """Give a slot its factors, (in, rank) and (rank, out), or none; there are so many slots."""
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
    """Return the stack with another matrix in a slot, all of them padded with zeros to a shape."""
    parts = [*stack, *[mx.zeros(shape)] * (slots - len(stack))]
    parts[slot] = new
    return mx.stack(
        [
            mx.pad(part, [(0, to - is_now) for to, is_now in zip(shape, part.shape, strict=True)])
            for part in parts
        ]
    )


def _plain_factors(worn: Any) -> dict[str, tuple[Any, Any]] | None:
    """Return both factors of each adapted module, the scale within; None where not all are LoRA."""
    factors: dict[str, tuple[Any, Any]] = {}
    for name, module in worn.named_modules():
        if type(module) is LoRALinear and isinstance(module["linear"], PLAIN_LINEAR):
            factors[name] = (module["lora_a"], module.scale * module["lora_b"])
    names = {name.rpartition(".")[0] for name in adapter_weights(worn)}
    return factors if factors.keys() == names else None


def _linears(model: Any, names: Any) -> list[tuple[str, Any]]:
    return [(name, module) for name, module in model.named_modules() if name in names]
