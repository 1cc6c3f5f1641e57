"""What the system tells of a process and the machine; macOS stands there as its libraries."""

import ctypes
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from daemon.system.display import display_is_on
from daemon.system.footprint import RusageInfo, footprint_bytes, resident_bytes, wired_bytes
from daemon.system.heat import NAME, thermal_level
from daemon.system.mac import sysctl_number
from daemon.system.memory import available_bytes, memory_level, pressure_level
from daemon.system.panics import kernel_panics

GONE = 2**22 + 1
"""No process has this number."""


class LibSystem:
    """The functions of libSystem that are called, with what they would write."""

    def __init__(self, **told: Any) -> None:
        self.told = told
        self.cancelled = 0

    def proc_pid_rusage(self, pid: int, flavor: int, info: Any) -> int:
        assert flavor == 0
        if "footprint" not in self.told:
            return -1
        info._obj.ri_phys_footprint = self.told["footprint"]
        info._obj.ri_wired_size = self.told.get("wired", 0)
        return 0

    def sysctlbyname(self, name: bytes, value: Any, size: Any, *_: Any) -> int:
        if name.decode() not in self.told:
            return -1
        assert size._obj.value == 4
        value._obj.value = self.told[name.decode()]
        return 0

    def notify_register_check(self, name: bytes, token: Any) -> int:
        assert name == NAME
        token._obj.value = 7
        return int(self.told.get("register", 0))

    def notify_get_state(self, token: Any, state: Any) -> int:
        assert token.value == 7
        state._obj.value = self.told.get("heat", 0)
        return int(self.told.get("get", 0))

    def notify_cancel(self, token: Any) -> int:
        self.cancelled += 1
        return 0


def test_a_footprint_is_what_macos_counts_and_not_the_resident_size() -> None:
    """The GPU's buffers and compressed pages are in no resident size: 46 GB said, 110 real."""
    assert footprint_bytes(os.getpid(), LibSystem(footprint=110 * 2**30)) == 110 * 2**30
    assert wired_bytes(os.getpid(), LibSystem(footprint=1, wired=5)) == 5


def test_where_macos_tells_none_the_resident_size_is_taken() -> None:
    found = footprint_bytes(os.getpid(), LibSystem())
    assert found is not None and found == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    assert footprint_bytes(os.getpid()) and wired_bytes(os.getpid(), LibSystem()) is None
    assert footprint_bytes(GONE) is None and resident_bytes(GONE) is None


def test_the_structure_has_the_places_of_the_header() -> None:
    """Sixteen bytes of a UUID, then numbers of eight bytes; the footprint is the eighth of them."""
    assert ctypes.sizeof(RusageInfo) == 96
    assert RusageInfo.ri_phys_footprint.offset == 16 + 7 * 8
    assert RusageInfo.ri_wired_size.offset == 16 + 5 * 8


def test_a_mac_has_as_much_memory_as_its_kernel_says() -> None:
    """psutil's figure lacks compressed and purgeable pages: a server was kept out for nothing."""
    total = psutil.virtual_memory().total
    assert available_bytes(LibSystem(**{"kern.memorystatus_level": 37})) == (
        total * 37 // 100,
        total,
    )
    assert memory_level(LibSystem(**{"kern.memorystatus_level": 37})) == 37
    assert pressure_level(LibSystem(**{"kern.memorystatus_vm_pressure_level": 4})) == 4


@pytest.mark.parametrize("told", [{}, {"kern.memorystatus_level": -1}])
def test_without_such_a_number_it_is_what_psutil_says(told: dict[str, int]) -> None:
    available, total = available_bytes(LibSystem(**told))
    assert available == pytest.approx(psutil.virtual_memory().available, rel=0.3)
    assert total == psutil.virtual_memory().total
    assert pressure_level(LibSystem()) is None and sysctl_number("kern.any", None) is None


@pytest.mark.parametrize(
    ("level", "throttled"), [(0, False), (1, False), (2, True), (3, True), (4, True)]
)
def test_a_mac_is_hot_from_heavy_pressure_on(level: int, throttled: bool) -> None:
    """It was read from `pmset -g therm`, which says nothing of heat on Apple silicon."""
    system = LibSystem(heat=level)
    heat = thermal_level(system)
    assert (heat.level, heat.throttled, heat.reason) == (level, throttled, None)
    assert system.cancelled == 1


@pytest.mark.parametrize("told", [{"register": 1}, {"get": 2}, {"heat": 99}])
def test_heat_that_is_not_told_is_not_known_and_says_why(told: dict[str, int]) -> None:
    heat = thermal_level(LibSystem(**told))
    assert heat.level is None and heat.throttled is None and heat.reason


class CoreGraphics:
    """Displays, each asleep or not."""

    def __init__(self, *asleep: bool, failed: int = 0) -> None:
        self._asleep = asleep
        self._failed = failed

    def CGGetOnlineDisplayList(self, most: int, found: Any, count: Any) -> int:
        for place in range(len(self._asleep)):
            found[place] = 100 + place
        count._obj.value = len(self._asleep)
        return self._failed

    def CGDisplayIsAsleep(self, display: int) -> int:
        return int(self._asleep[display - 100])


def test_a_display_is_on_where_one_is_awake() -> None:
    assert display_is_on(CoreGraphics(True, False)) is True
    assert display_is_on(CoreGraphics(True, True)) is False
    assert display_is_on(CoreGraphics()) is False
    assert display_is_on(CoreGraphics(False, failed=1)) is None


def test_panics_are_counted_by_their_reports(tmp_path: Path) -> None:
    for number, name in enumerate(("Kernel_1.panic", "panic-full-2.panic", "other.ips")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_700_000_000 + number, 1_700_000_000 + number))
    found = kernel_panics(tmp_path)
    assert found.count == 2 and found.newest == datetime.fromtimestamp(1_700_000_001, UTC)
    assert kernel_panics(tmp_path / "none").count == 0
