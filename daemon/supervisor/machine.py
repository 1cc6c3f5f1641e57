"""What the machine says of itself for the status document: memory, disk, GPU."""

import os
from collections.abc import Callable
from typing import Any

import psutil

from daemon.core.records import to_json_value
from daemon.core.training.progress import Metrics
from daemon.supervisor.gpu import GpuWatch
from daemon.supervisor.parts import Parts
from daemon.system.footprint import footprint_bytes, resident_bytes
from daemon.system.memory import available_bytes, pressure_level

LOOK_EVERY_S = 5.0


class MachineReadings:
    """Looks at memory and GPU every few seconds, at the disk each time."""

    def __init__(self, parts: Parts, gpu: GpuWatch | None = None) -> None:
        self._parts = parts
        self._gpu_watch = gpu or GpuWatch()
        self._looked_s = -1e9
        self._memory: dict[str, Any] = {}
        self._gpu: dict[str, Any] = {}

    def look(self, metrics: Metrics | None) -> None:
        """Look anew where the last look is some seconds old; `metrics` is of the last step."""
        now_s = self._parts.clock.monotonic_s()
        if now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        available, total = available_bytes()
        # What MLX said of itself after the last step; None before there was one.
        told = metrics.memory if metrics is not None else {}
        self._memory = {
            "supervisor_bytes": resident_bytes(os.getpid()),
            "trainer_bytes": _of(resident_bytes, self._parts.trainer.pid),
            "trainer_footprint_bytes": _of(footprint_bytes, self._parts.trainer.pid),
            "intake_bytes": _of(resident_bytes, self._parts.intake.pid),
            "system_bytes": total,
            "available_bytes": available,
            "pressure_level": pressure_level(),
            **{f"mlx_{kind}_bytes": told.get(kind) for kind in ("active", "peak", "cache")},
        }
        self._gpu = to_json_value(self._gpu_watch.latest())

    @property
    def memory(self) -> dict[str, Any]:
        """Bytes by name."""
        return self._memory

    @property
    def gpu(self) -> dict[str, Any]:
        """The platform's counters, or null and the reason."""
        return self._gpu

    def disk(self) -> dict[str, Any]:
        """Return the room on the workspace's volume, in bytes."""
        usage = psutil.disk_usage(str(self._parts.layout.root))
        return {"free_bytes": usage.free, "total_bytes": usage.total}


def _of(read: Callable[[int], int | None], pid: int | None) -> int | None:
    return None if pid is None else read(pid)
