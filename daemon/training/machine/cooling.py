"""Pauses between steps while the machine is throttled or runs on battery.

On macOS heat is the thermal level that the system publishes, on Linux the processors' throttle
counters. Untested on hardware.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from daemon.clock import Clock
from daemon.settings import TrainerSettings
from daemon.system.heat import Heat, thermal_level

POLL_EVERY_S = 30.0
LONGEST_REST_S = 300.0
"""Longer than half a step that takes minutes, shorter than a trainer may be silent."""

CoolDown = Literal["never", "laptop", "always"]
Reason = Literal["throttled", "battery"]


@dataclass(frozen=True)
class Strain:
    """Heat and power of the machine at one moment."""

    throttled: bool | None = None
    """Slowed down because it is hot; None if that is unknown."""
    on_battery: bool | None = None
    """Whether it runs on battery; None if it has none."""
    blind: str | None = None
    """Why the heat is unknown although the system should publish it."""


@dataclass(frozen=True)
class Rest:
    """What to do before the next step."""

    seconds: float
    event: str | None = None
    """A sentence for the user, once when rests begin and once when they end."""


def reason_to_rest(strain: Strain, cool_down: CoolDown) -> Reason | None:
    """Return why the machine should rest; None while it need not."""
    desktop = strain.on_battery is None
    if cool_down == "never" or (cool_down == "laptop" and desktop):
        return None
    if strain.throttled:
        return "throttled"
    return "battery" if strain.on_battery else None


def rest_s(step_s: float, share: float) -> float:
    """Return the seconds to rest after a step so that rests take `share` of the time, bounded."""
    return min(LONGEST_REST_S, step_s * share / (1.0 - share))


class Cooler:
    """Decides after each step how long to rest; polls the machine every half minute."""

    def __init__(
        self, settings: TrainerSettings, clock: Clock, read: Callable[[], Strain] | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._read = read if read is not None else StrainReader(Path("/sys/devices/system/cpu"))
        self._polled_s: float | None = None
        self._reason: Reason | None = None
        self._blind: str | None = None
        self._fresh: str | None = None

    def after_step(self, step_s: float) -> Rest:
        """Return how long to rest after a step of so many seconds."""
        if self._settings.cool_down == "never":
            return Rest(0.0)
        before, now_s = self._reason, self._clock.monotonic_s()
        if self._polled_s is None or now_s - self._polled_s >= POLL_EVERY_S:
            self._polled_s = now_s
            strain = self._read()
            self._reason = reason_to_rest(strain, self._settings.cool_down)
            self._fresh = strain.blind if self._blind is None else None
            self._blind = self._blind or strain.blind
        share = self._settings.cool_down_share
        seconds = rest_s(step_s, share) if self._reason is not None else 0.0
        return Rest(seconds, self._blindness() or _event(before, self._reason, share))

    def _blindness(self) -> str | None:
        """Return once why the heat is unknown."""
        why, self._fresh = self._fresh, None
        return why and f"the heat is unknown, so trainer.cool_down cannot act on it: {why}"


def _event(before: Reason | None, now: Reason | None, share: float) -> str | None:
    if now == before:
        return None
    if now is None:
        return "the machine has recovered: training runs at full speed again"
    why = "is hot and throttled" if now == "throttled" else "runs on battery"
    return f"the machine {why}: training pauses for {share:.0%} of the time (trainer.cool_down)"


class StrainReader:
    """Reads heat and power; on Linux throttled means a throttle count since the last read."""

    def __init__(self, cpus: Path, heat: Callable[[], Heat | None] | None = None) -> None:
        self._cpus = cpus
        self._mac_heat = heat or mac_heat
        self._counted = count_throttles(cpus)

    def __call__(self) -> Strain:
        """Return the strain at this moment."""
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
        on_battery = None if battery is None else battery.power_plugged is False
        heat = self._mac_heat()
        if heat is not None:
            return Strain(heat.throttled, on_battery, heat.reason)
        return Strain(self._counted_more(), on_battery)

    def _counted_more(self) -> bool | None:
        before, self._counted = self._counted, count_throttles(self._cpus)
        if before is None or self._counted is None:
            return None
        return self._counted > before


def mac_heat() -> Heat | None:
    """Return the heat of a Mac; None on another system."""
    return thermal_level() if sys.platform == "darwin" else None


def count_throttles(cpus: Path) -> int | None:
    """Return how often the processors were throttled by heat; None if nothing counts it."""
    counts = []
    for path in cpus.glob("cpu*/thermal_throttle/*_throttle_count"):
        with suppress(OSError, ValueError):
            counts.append(int(path.read_text()))
    return sum(counts) if counts else None
