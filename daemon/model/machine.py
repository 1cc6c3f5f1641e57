"""The memory this machine has for a model, and the limits set by it; knows no run, no settings."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from daemon.core.decisions.deaths import speaks_of_device, speaks_of_memory
from daemon.core.training.footprint import Estimate
from daemon.model.backend import mx, on_cpu
from daemon.system.memory import available_bytes

SYSTEM_SHARE = 0.1
"""Share of the memory that is left to everything else where the device names no working set."""

RESERVE_BYTES = 5 * 2**30
RESERVE_SHARE = 0.4
"""Memory that is left to macOS and other programs where a GPU shares it: the lesser of the two."""

LEAST_SHARE = 0.4
"""Share of shared memory that a model may take whatever other programs have."""

WIRE_RESERVE_BYTES = 8 * 2**30
WIRE_RESERVE_SHARE = 0.35
"""What must stay beside wired memory, the greater of the two: nothing of it can be compressed."""

SPARE = 1.25
"""The memory limit leaves so many times the estimate to what a pass takes, where it is there."""


@dataclass(frozen=True)
class MachineMemory:
    """Memory in bytes."""

    physical: int
    """What the machine has; for a GPU with memory of its own, what that has."""
    usable: int
    """What a model may take: of what the device recommends, what other programs leave it."""
    available: int
    """What of it is free at this moment, as far as the system tells."""

    def as_record(self) -> dict[str, int]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class MemoryLimits:
    """What MLX was told, in bytes."""

    memory: int
    cache: int
    wired: int
    """0 where nothing is wired down."""


def memory() -> MachineMemory:
    """Return the memory there is for a model on the device MLX computes on."""
    system = psutil.virtual_memory()
    if on_cpu():
        limit, used = _container(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
        physical = min(int(system.total), limit or int(system.total))
        free = min(int(system.available), physical - used) if limit else int(system.available)
        return MachineMemory(physical, int(physical * (1 - SYSTEM_SHARE)), max(0, free))
    facts, own = mx.device_info(), int(mx.get_active_memory() + mx.get_cache_memory())
    recommended = facts.get("max_recommended_working_set_size")
    if recommended:
        free, total = available_bytes()
        physical = int(facts.get("memory_size") or total)
        return shared(physical, int(recommended), free, own)
    physical = int(facts.get("total_memory") or facts.get("memory_size") or system.total)
    free_on_card = facts.get("free_memory")
    return of_a_card(physical, None if free_on_card is None else int(free_on_card), own)


def shared(physical: int, recommended: int, free: int, own: int) -> MachineMemory:
    """Return what a model may take of memory that a GPU shares with everything else, as on a Mac.

    The working set that is recommended does not know what other programs have: what they need is
    left to them, but never so much that less than a share is left for a model, because what is
    idle is compressed. `own` is what this process has taken already.
    """
    most = min(recommended, physical - min(RESERVE_BYTES, int(physical * RESERVE_SHARE)))
    usable = min(most, max(free + own, int(physical * LEAST_SHARE)))
    return MachineMemory(physical, usable, min(free, usable))


def of_a_card(physical: int, free: int | None, own: int) -> MachineMemory:
    """Return what a model may take of a GPU's own memory: not what other programs have of it."""
    most = int(physical * (1 - SYSTEM_SHARE))
    usable = most if free is None else min(most, free + own)
    return MachineMemory(physical, usable, usable if free is None else min(free, usable))


def room() -> int:
    """Return what of the memory for a model is not taken by MLX's arrays in this process."""
    return max(0, memory().usable - int(mx.get_active_memory()))


def _container(groups: Path, root: Path) -> tuple[int | None, int]:
    """Return the least limit of the control groups this process is in, and what that one uses."""
    found = [(limit, used) for limit, used in _group_limits(groups, root) if limit is not None]
    return min(found, key=lambda pair: pair[0] - pair[1]) if found else (None, 0)


def _group_limits(groups: Path, root: Path) -> Iterator[tuple[int | None, int]]:
    own = ""
    with suppress(OSError):
        lines = groups.read_text().splitlines()
        own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    folder = root / own
    # A limit may stand on any group above: the least one counts.
    for place in (folder, *folder.parents):
        if not place.is_relative_to(root):
            return
        yield _number(place / "memory.max"), _number(place / "memory.current") or 0


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def set_limits(need: Estimate | None, there: MachineMemory, wire: bool = False) -> MemoryLimits:
    """Tell MLX how much a run may take, and return it; cache and wired memory on a GPU only.

    Without a need, what was set for another model is taken back.

    MLX hands out work ahead of what is being computed. Beyond the memory limit it waits for work
    in flight before it takes more, so the limit is what keeps a pass to its estimate. Memory is
    wired only if that is asked for: kernel panics are reported where much of it is.
    """
    limits = limits_for(need, there, wire)
    mx.set_memory_limit(limits.memory)
    if on_cpu():
        return limits
    mx.set_cache_limit(limits.cache)
    if wire and mx.metal.is_available():
        # Needs macOS 15; older ones refuse, and go on without.
        with suppress(ValueError, RuntimeError):
            mx.set_wired_limit(limits.wired)
    return limits


def limits_for(need: Estimate | None, there: MachineMemory, wire: bool = False) -> MemoryLimits:
    """Return the limits for an estimated need; never more than the machine has for a model."""
    if need is None:
        return MemoryLimits(there.usable, there.usable, 0)
    passing = need.activations + need.logits
    wanted = need.resident + need.gradients + int(passing * SPARE)
    # What one pass frees the next one takes again; more in the cache is memory nobody has.
    cache = min(passing, max(0, there.usable - need.resident))
    return MemoryLimits(
        min(wanted, there.usable), cache, _wired(need.resident, there) if wire else 0
    )


def _wired(resident: int, there: MachineMemory) -> int:
    """Return how much is wired down: all that stays between steps, or nothing."""
    reserve = max(WIRE_RESERVE_BYTES, int(there.physical * WIRE_RESERVE_SHARE))
    return resident if resident + reserve <= there.physical else 0


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception, MLX's or Python's, means that memory ran out."""
    return isinstance(error, MemoryError) or speaks_of_memory(f"{error}")


def is_device_lost(error: BaseException) -> bool:
    """Return whether an exception means that the device or its driver is gone."""
    return speaks_of_device(f"{error}")
