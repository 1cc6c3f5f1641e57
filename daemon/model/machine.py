"""The memory of this machine for a model, and MLX's memory limits."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from daemon.core.decisions.deaths import speaks_of_device, speaks_of_memory
from daemon.core.training.footprint import Estimate
from daemon.model.backend import mx, on_cpu
from daemon.system.memory import available_bytes

SYSTEM_SHARE = 0.1
"""Share of the memory left to everything else where the device states no working set."""

RESERVE_BYTES = 5 * 2**30
RESERVE_SHARE = 0.4
"""Memory left to macOS and other programs where a GPU shares it: the lesser of the two."""

LEAST_SHARE = 0.4
"""Share of shared memory that a model may use whatever other programs take."""

WIRE_RESERVE_BYTES = 8 * 2**30
WIRE_RESERVE_SHARE = 0.35
"""Memory that must stay unwired, the greater of the two: wired memory cannot be compressed."""

SPARE = 1.25
"""The memory limit for a pass as a multiple of its estimate, if there is that much memory."""


@dataclass(frozen=True)
class MachineMemory:
    """Memory in bytes."""

    physical: int
    """The machine's memory; for a GPU with memory of its own, that of the GPU."""
    usable: int
    """What a model may use: the device's recommendation, less what other programs take."""
    available: int
    """How much of it is free now, as far as the system reports."""


@dataclass(frozen=True)
class MemoryLimits:
    """MLX's limits, in bytes."""

    memory: int
    cache: int
    wired: int
    """0 if nothing is wired."""


def memory() -> MachineMemory:
    """Return the memory for a model on MLX's device."""
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
    """Return what a model may use of memory that a GPU shares with everything else, as on a Mac.

    The recommended working set ignores other programs: their memory is left to them, but a model
    gets at least a share, because idle memory is compressed. `own` is what this process has
    allocated already.
    """
    most = min(recommended, physical - min(RESERVE_BYTES, int(physical * RESERVE_SHARE)))
    usable = min(most, max(free + own, int(physical * LEAST_SHARE)))
    return MachineMemory(physical, usable, min(free, usable))


def of_a_card(physical: int, free: int | None, own: int) -> MachineMemory:
    """Return what a model may use of a GPU's own memory, less what other programs take."""
    most = int(physical * (1 - SYSTEM_SHARE))
    usable = most if free is None else min(most, free + own)
    return MachineMemory(physical, usable, usable if free is None else min(free, usable))


def room() -> int:
    """Return how much of a model's memory is not used by MLX's arrays in this process."""
    return max(0, memory().usable - int(mx.get_active_memory()))


def _container(groups: Path, root: Path) -> tuple[int | None, int]:
    """Return the tightest memory limit of this process's control groups, and that one's usage."""
    found = [(limit, used) for limit, used in _group_limits(groups, root) if limit is not None]
    return min(found, key=lambda pair: pair[0] - pair[1]) if found else (None, 0)


def _group_limits(groups: Path, root: Path) -> Iterator[tuple[int | None, int]]:
    own = ""
    with suppress(OSError):
        lines = groups.read_text().splitlines()
        own = next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")
    folder = root / own
    # Any parent group may have a limit: the tightest counts.
    for place in (folder, *folder.parents):
        if not place.is_relative_to(root):
            return
        yield _number(place / "memory.max"), _number(place / "memory.current") or 0


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(path.read_text())
    return None


def set_limits(need: Estimate | None, memory: MachineMemory, wire: bool = False) -> MemoryLimits:
    """Set and return MLX's limits for a run; cache and wired memory on a GPU only.

    Without a need, the limits of another model are lifted.

    MLX schedules work ahead of the computation. Beyond the memory limit it waits for work in
    flight before it allocates more, so the limit keeps a pass to its estimate. Memory is wired
    only on request: kernel panics are reported where much of it is wired.
    """
    limits = limits_for(need, memory, wire)
    mx.set_memory_limit(limits.memory)
    if on_cpu():
        return limits
    mx.set_cache_limit(limits.cache)
    if wire and mx.metal.is_available():
        # Needs macOS 15; older releases refuse, and run without.
        with suppress(ValueError, RuntimeError):
            mx.set_wired_limit(limits.wired)
    return limits


def limits_for(need: Estimate | None, memory: MachineMemory, wire: bool = False) -> MemoryLimits:
    """Return the limits for an estimated need; never more than the machine has for a model."""
    if need is None:
        return MemoryLimits(memory.usable, memory.usable, 0)
    passing = need.activations + need.logits
    wanted = need.resident + need.gradients + int(passing * SPARE)
    # The next pass reuses what one frees; a larger cache would only hold idle memory.
    cache = min(passing, max(0, memory.usable - need.resident))
    return MemoryLimits(
        min(wanted, memory.usable), cache, _wired(need.resident, memory) if wire else 0
    )


def _wired(resident: int, memory: MachineMemory) -> int:
    """Return how much to wire: everything resident between steps, or nothing."""
    reserve = max(WIRE_RESERVE_BYTES, int(memory.physical * WIRE_RESERVE_SHARE))
    return resident if resident + reserve <= memory.physical else 0


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception, of MLX or Python, means out of memory."""
    return isinstance(error, MemoryError) or speaks_of_memory(f"{error}")


def is_device_lost(error: BaseException) -> bool:
    """Return whether an exception means that the device or its driver is gone."""
    return speaks_of_device(f"{error}")
