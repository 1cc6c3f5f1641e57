"""Reads GPU utilisation, memory and power: NVML on Linux, the I/O registry on macOS.

Both count the whole device, whoever uses it. They are read on a thread of their own, so that a
driver that hangs does not block the supervisor.
"""

import plistlib
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pynvml

IOREG = ("/usr/sbin/ioreg", "-r", "-d", "1", "-w", "0", "-c", "IOAccelerator", "-a")
IOREG_S = 10.0
"""Time limit for a query of the I/O registry."""

PROMPT_S = 0.05
"""How long to wait for a reading; a slower one is returned by the next call."""


@dataclass(frozen=True)
class Gpu:
    """One reading of all GPUs; None for what the platform does not report."""

    name: str | None = None
    utilisation: float | None = None
    """Recent utilisation of the busiest GPU, 0 to 1."""
    memory_bytes: int | None = None
    """Used by all programs, on all GPUs."""
    memory_total_bytes: int | None = None
    """None on a Mac, where the GPU shares the machine's memory."""
    power_watts: float | None = None
    reason: str | None = None
    """Why there are no figures, in words; None if there are."""


class GpuWatch:
    """Returns the newest reading and starts the next one, unless one is still under way."""

    def __init__(self, read: Callable[[], Gpu] | None = None) -> None:
        self._read = read or read_gpu
        self._latest = Gpu(reason="not read yet")
        self._reading: threading.Thread | None = None

    def refresh(self) -> Gpu:
        """Start a reading if none is under way, and return the last finished one."""
        if self._reading is None or not self._reading.is_alive():
            # A daemon thread: a driver that never answers must not keep the supervisor from ending.
            self._reading = threading.Thread(target=self._update, name="gpu", daemon=True)
            self._reading.start()
            self._reading.join(PROMPT_S)
        return self._latest

    def _update(self) -> None:
        self._latest = self._read()


def read_gpu() -> Gpu:
    """Query the platform; an error becomes the reason."""
    try:
        return _from_registry() if sys.platform == "darwin" else _from_nvml()
    except pynvml.NVMLError as error:
        return Gpu(reason=f"no figures from NVML: {error}")
    except (OSError, subprocess.SubprocessError) as error:
        return Gpu(reason=f"no figures from the I/O registry: {error}")


def _from_nvml() -> Gpu:
    pynvml.nvmlInit()
    try:
        devices = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        if not devices:
            return Gpu(reason="no figures from NVML: the driver finds no GPU")
        memory = [pynvml.nvmlDeviceGetMemoryInfo(device) for device in devices]
        rates = [pynvml.nvmlDeviceGetUtilizationRates(device).gpu for device in devices]
        return Gpu(
            name=", ".join(pynvml.nvmlDeviceGetName(device) for device in devices),
            utilisation=max(rates) / 100,
            memory_bytes=sum(one.used for one in memory),
            memory_total_bytes=sum(one.total for one in memory),
            power_watts=_power(devices),
        )
    finally:
        pynvml.nvmlShutdown()


def _power(devices: list[object]) -> float | None:
    try:
        return float(sum(pynvml.nvmlDeviceGetPowerUsage(device) for device in devices)) / 1000
    except pynvml.NVMLError_NotSupported:
        return None


def _from_registry() -> Gpu:
    done = subprocess.run(IOREG, capture_output=True, check=True, timeout=IOREG_S)
    return from_registry(done.stdout)


def from_registry(answer: bytes) -> Gpu:
    """Parse the output of `ioreg -a`, a property list of accelerators."""
    try:
        found = plistlib.loads(answer) if answer.strip() else []
        counted = [one for one in found if "Device Utilization %" in _counters(one)]
        if not counted:
            return Gpu(reason="the I/O registry has no GPU utilisation")
        return Gpu(
            name=", ".join(_text(one.get("model", "GPU")) for one in counted),
            utilisation=max(_counters(one)["Device Utilization %"] for one in counted) / 100,
            memory_bytes=sum(_counters(one).get("In use system memory", 0) for one in counted),
        )
    except (plistlib.InvalidFileException, ValueError, TypeError, AttributeError) as error:
        return Gpu(reason=f"the output of the I/O registry could not be parsed: {error}")


def _counters(accelerator: Mapping[str, Any]) -> Mapping[str, Any]:
    counters: Mapping[str, Any] = accelerator.get("PerformanceStatistics", {})
    return counters


def _text(value: Any) -> str:
    """Return a name; the registry stores some as bytes that end in a zero."""
    return value.rstrip(b"\0").decode(errors="replace") if isinstance(value, bytes) else str(value)
