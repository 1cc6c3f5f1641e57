"""Measures the energy used by the processors through RAPL, where the system has it.

Linux exposes RAPL in `/sys/class/powercap`, since 2020 to the superuser only unless the file mode
was relaxed. It counts the whole package, so other programs running at the time are included.
"""

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
JOULE = 1_000_000
"""RAPL counts microjoules."""


class EnergyMeter:
    """Adds up the counters; they wrap around, so they must be read often."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        # Zones within a package (intel-rapl:0:1) are in the package's own count.
        zones = sorted(folder.glob("intel-rapl:*")) if folder.is_dir() else []
        self._zones = [zone for zone in zones if zone.name.count(":") == 1]
        self.reason: str | None = None if self._zones else "this system has no energy counter"
        self._joules = 0.0
        self._last = self._read()

    def joules(self) -> float | None:
        """Return the joules since the meter was created; None with a `reason` where unknown.

        Call it at least every few minutes: a counter wraps around after about 260 kJ.
        """
        now = self._read()
        for zone, value in now.items():
            used = value - self._last[zone]
            if used < 0:
                used += _number(zone, "max_energy_range_uj")
            self._joules += used / JOULE
        self._last = now
        return None if self.reason else self._joules

    def _read(self) -> dict[Path, int]:
        if self.reason is not None:
            return {}
        try:
            return {zone: _number(zone, "energy_uj") for zone in self._zones}
        except (OSError, ValueError) as error:
            self.reason = f"the energy counter cannot be read ({error})"
            return {}


def _number(zone: Path, name: str) -> int:
    return int((zone / name).read_text())
