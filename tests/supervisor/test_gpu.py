"""How busy the GPU is: figures where the platform counts, a reason where it does not."""

import plistlib
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from daemon.supervisor.gpu import Gpu, GpuWatch, from_registry, read_gpu

GIB = 2**30


def test_this_machine_tells_figures_or_the_reason() -> None:
    seen = read_gpu()
    assert (seen.utilisation is None) == bool(seen.reason)


@pytest.mark.skipif(sys.platform == "darwin", reason="NVML is not asked on macOS")
def test_nvml_figures_are_of_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = {0: 12, 1: 87}
    answers: dict[str, Any] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda device: f"card {device}",
        "nvmlDeviceGetMemoryInfo": lambda device: SimpleNamespace(used=3 * GIB, total=8 * GIB),
        "nvmlDeviceGetUtilizationRates": lambda device: SimpleNamespace(gpu=busy[device]),
        "nvmlDeviceGetPowerUsage": _not_supported,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)
    assert read_gpu() == Gpu("card 0, card 1", 0.87, 6 * GIB, 16 * GIB)


def _not_supported(device: int) -> int:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def test_the_registry_of_a_mac() -> None:
    accelerator = {
        "IOClass": "AGXAcceleratorG13G",
        "model": "Apple M1",
        "PerformanceStatistics": {
            "Device Utilization %": 41,
            "Renderer Utilization %": 40,
            "In use system memory": 2 * GIB,
            "Alloc system memory": 5 * GIB,
        },
    }
    assert from_registry(plistlib.dumps([accelerator])) == Gpu("Apple M1", 0.41, 2 * GIB)
    named_in_bytes = {**accelerator, "model": b"AMD Radeon Pro\0"}
    assert from_registry(plistlib.dumps([named_in_bytes])).name == "AMD Radeon Pro"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no property list",
        plistlib.dumps([]),
        plistlib.dumps([{"model": "x"}]),
        plistlib.dumps("a text"),
        plistlib.dumps([{"PerformanceStatistics": 3}]),
    ],
    ids=["empty", "noise", "none", "uncounted", "a-text", "a-number"],
)
def test_a_registry_without_figures_gives_the_reason(answer: bytes) -> None:
    seen = from_registry(answer)
    assert seen.utilisation is None
    assert "registry" in (seen.reason or "")


def test_a_driver_that_hangs_holds_nobody_up() -> None:
    freed = threading.Event()
    asked = 0

    def hangs() -> Gpu:
        nonlocal asked
        asked += 1
        freed.wait()
        return Gpu("at last", 0.5)

    watch = GpuWatch(hangs)
    assert watch.refresh().reason == "not read yet"
    assert watch.refresh().reason == "not read yet"
    assert asked == 1
    freed.set()
    for _ in range(1000):
        if watch.refresh() == Gpu("at last", 0.5):
            return
        threading.Event().wait(0.01)
    pytest.fail("the reading never arrived")
