"""How busy the GPU is, by the platform's own counters; knows no model and no worker.

NVML on Linux, the I/O registry on macOS. Both count the whole device, whoever uses it. They are
read on a thread of their own: a driver that hangs must not hold the supervisor up.
"""

import plistlib
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pynvml

IOREG = ("/usr/sbin/ioreg", "-r", "-d", "1", "-w", "0", "-c", "IOAccelerator", "-a")
IOREG_S = 10.0
"""So long the I/O registry may take to answer."""

PROMPT_S = 0.05
"""So long a reading is waited for; one that takes longer is told the next time."""


@dataclass(frozen=True)
class Gpu:
    """What the platform tells of the GPUs; None for what it does not tell."""

    name: str | None = None
    utilisation: float | None = None
    """Share of the last moment in which the busiest of them computed, 0 to 1."""
    memory_bytes: int | None = None
    """Taken by all programs, on all of them."""
    memory_total_bytes: int | None = None
    """None on a Mac: the GPU shares the machine's."""
    power_watts: float | None = None
    reason: str | None = None
    """Why nothing is told, in words; None where something is."""


class GpuWatch:
    """The newest reading; a new one is begun whenever it is asked for and the last has ended."""

    def __init__(self, read: Callable[[], Gpu] | None = None) -> None:
        self._read = read or read_gpu
        self._latest = Gpu(reason="not read yet")
        self._reading: threading.Thread | None = None

    def latest(self) -> Gpu:
        """Begin a reading if none is under way, and return the last that has ended."""
        if self._reading is None or not self._reading.is_alive():
            # A daemon thread: a driver that never answers must not keep the supervisor from ending.
            self._reading = threading.Thread(target=self._look, name="gpu", daemon=True)
            self._reading.start()
            self._reading.join(PROMPT_S)
        return self._latest

    def _look(self) -> None:
        self._latest = self._read()


def read_gpu() -> Gpu:
    """Ask the platform; whatever it answers instead of figures becomes the reason."""
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
            return Gpu(reason="no figures from NVML: the driver knows no GPU")
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


def _power(devices: list[Any]) -> float | None:
    try:
        return float(sum(pynvml.nvmlDeviceGetPowerUsage(device) for device in devices)) / 1000
    except pynvml.NVMLError_NotSupported:
        return None


def _from_registry() -> Gpu:
    asked = subprocess.run(IOREG, capture_output=True, check=True, timeout=IOREG_S)
    return from_registry(asked.stdout)


def from_registry(answer: bytes) -> Gpu:
    """Return what an answer of `ioreg -a` says: a property list of accelerators."""
    try:
        found = plistlib.loads(answer) if answer.strip() else []
        counted = [one for one in found if "Device Utilization %" in _counters(one)]
        if not counted:
            return Gpu(reason="the I/O registry counts no GPU's utilisation")
        return Gpu(
            name=", ".join(_text(one.get("model", "GPU")) for one in counted),
            utilisation=max(_counters(one)["Device Utilization %"] for one in counted) / 100,
            memory_bytes=sum(_counters(one).get("In use system memory", 0) for one in counted),
        )
    except (plistlib.InvalidFileException, ValueError, TypeError, AttributeError) as error:
        return Gpu(reason=f"the I/O registry's answer was not understood: {error}")


def _counters(accelerator: dict[str, Any]) -> dict[str, Any]:
    counters: dict[str, Any] = accelerator.get("PerformanceStatistics", {})
    return counters


def _text(value: Any) -> str:
    """Return a name: the registry keeps some as bytes that end in a zero."""
    return value.rstrip(b"\0").decode(errors="replace") if isinstance(value, bytes) else str(value)
