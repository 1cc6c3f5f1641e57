"""Samples memory, disk and GPU for the status document."""

import os
from collections.abc import Callable
from pathlib import Path

import psutil

from daemon.clock import Clock
from daemon.core.records import JsonObject, to_json_value
from daemon.core.training.progress import Metrics
from daemon.supervisor.gpu import GpuWatch
from daemon.supervisor.workers import Workers
from daemon.system.footprint import footprint_bytes, resident_bytes
from daemon.system.memory import available_bytes, pressure_level

SAMPLE_EVERY_S = 5.0


class MachineReadings:
    """Samples memory and GPU every few seconds, the disk each time."""

    def __init__(
        self, root: Path, workers: Workers, clock: Clock, gpu: GpuWatch | None = None
    ) -> None:
        self._root = root
        self._workers = workers
        self._clock = clock
        self._gpu_watch = gpu or GpuWatch()
        self._sampled_s = -1e9
        self.memory: JsonObject = {}
        """Memory figures in bytes, by name."""
        self.gpu: JsonObject = {}
        """The platform's GPU counters, or null and the reason."""

    def sample(self, metrics: Metrics | None) -> None:
        """Sample again if the last sample is some seconds old; `metrics` is of the last step."""
        now_s = self._clock.monotonic_s()
        if now_s - self._sampled_s < SAMPLE_EVERY_S:
            return
        self._sampled_s = now_s
        available, total = available_bytes()
        # MLX's own figures after the last step; empty before the first.
        mlx = metrics.memory if metrics is not None else {}
        self.memory = {
            "supervisor_bytes": resident_bytes(os.getpid()),
            "trainer_bytes": _of(resident_bytes, self._workers.trainer.pid),
            "trainer_footprint_bytes": _of(footprint_bytes, self._workers.trainer.pid),
            "intake_bytes": _of(resident_bytes, self._workers.intake.pid),
            "system_bytes": total,
            "available_bytes": available,
            "pressure_level": pressure_level(),
            **{f"mlx_{kind}_bytes": mlx.get(kind) for kind in ("active", "peak", "cache")},
        }
        self.gpu = to_json_value(self._gpu_watch.refresh())

    def disk(self) -> JsonObject:
        """Return free and total bytes of the workspace's volume."""
        usage = psutil.disk_usage(str(self._root))
        return {"free_bytes": usage.free, "total_bytes": usage.total}


def _of(read: Callable[[int], int | None], pid: int | None) -> int | None:
    return None if pid is None else read(pid)
