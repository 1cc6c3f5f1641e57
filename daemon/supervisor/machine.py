"""What the machine says of itself for the status document: memory, disk, GPU."""

from typing import Any

import psutil

from daemon.core.progress import Metrics
from daemon.supervisor.gpu import GpuWatch
from daemon.supervisor.parts import Parts

LOOK_EVERY_S = 5.0


class Machine:
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
        whole = psutil.virtual_memory()
        # What MLX said of itself after the last step; None before there was one.
        told = metrics.memory if metrics is not None else {}
        self._memory = {
            "supervisor_bytes": psutil.Process().memory_info().rss,
            "trainer_bytes": _resident(self._parts.trainer.pid),
            "intake_bytes": _resident(self._parts.intake.pid),
            "system_bytes": whole.total,
            "available_bytes": whole.available,
            **{f"mlx_{kind}_bytes": told.get(kind) for kind in ("active", "peak", "cache")},
        }
        self._gpu = self._gpu_watch.latest().as_record()

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


def _resident(pid: int | None) -> int | None:
    if pid is None:
        return None
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
