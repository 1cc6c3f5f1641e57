"""Reports on the machine: device, system, wheels, memory, kernel panics."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import distributions, version

from daemon.core.records import to_json_value
from daemon.model import machine
from daemon.model.backend import BLAS, device_name, mx
from daemon.self_check.finding import CheckContext, CheckResult
from daemon.system.footprint import footprint_bytes, wired_bytes
from daemon.system.memory import CRITICAL, WARNING, pressure_level
from daemon.system.panics import kernel_panics

GIB = 2**30
WHEELS = ("mlx", "mlx-lm", "mlx-metal", "mlx-cpu", "mlx-cuda-12", "mlx-cuda-13")
BACK_ENDS = frozenset(WHEELS[3:])


def facts(_place: CheckContext) -> CheckResult:
    """Report the device, the system and the versions of the libraries."""
    wheels = _wheels()
    words = [
        f"finetuned {version('finetuned')}",
        f"{device_name()} ({mx.default_device()})",
        *_system(),
        *(f"{name} {number}" for name, number in wheels.items()),
    ]
    blas = str(BLAS.split()[0]) if BLAS else None
    figures = {"device": device_name(), "system": _system(), "wheels": wheels, "blas": blas}
    return CheckResult("said", ", ".join(words), figures)


def wheels(_place: CheckContext) -> CheckResult:
    """Check that no two of MLX's back ends are installed over each other."""
    installed = sorted(BACK_ENDS & _wheels().keys())
    if len(installed) < 2:
        return CheckResult(
            "ok", "one back end of MLX is installed" if installed else "MLX's own back end"
        )
    words = f"{' and '.join(installed)} overwrite each other's library: the last installed counts"
    return CheckResult("said", f"{words}; the default device here is {mx.default_device()}")


def memory(_place: CheckContext) -> CheckResult:
    """Report how much memory a model may take."""
    found = machine.memory()
    words = (
        f"{found.physical / GIB:.1f} GiB, a model may take {found.usable / GIB:.1f}, "
        f"{found.available / GIB:.1f} are free now"
    )
    process, wired, pressure = footprint_bytes(os.getpid()), wired_bytes(os.getpid()), _pressure()
    if process is not None:
        words += f"; this process takes {process / GIB:.2f}"
    if wired is not None:
        words += f", {wired / GIB:.2f} of it wired"
    if pressure is not None:
        words += f"; memory pressure is {pressure}"
    figures = {"process": process, "wired": wired, "pressure": pressure}
    return CheckResult("said", words, to_json_value(found) | figures)


def _pressure() -> str | None:
    """Return the memory pressure level of macOS; None elsewhere."""
    level = pressure_level()
    return {WARNING: "a warning", CRITICAL: "critical"}.get(level, "normal") if level else None


def panics(_place: CheckContext) -> CheckResult:
    """Report the newest kernel panic report of macOS."""
    if sys.platform != "darwin":
        return CheckResult("left out", "only macOS has such reports")
    found = kernel_panics()
    figures = {"panics": found.count, "newest": found.newest and found.newest.isoformat()}
    if not found.newest:
        return CheckResult("said", "there is no kernel panic report", figures)
    words = f"{found.count} reports of kernel panics, the newest of {found.newest:%Y-%m-%d}"
    return CheckResult("said", words, figures)


def _wheels() -> dict[str, str]:
    installed = {str(one.metadata["Name"]).lower(): one.version for one in distributions()}
    return {name: installed[name] for name in WHEELS if name in installed}


def _system() -> list[str]:
    return list(_parts())


def _parts() -> Iterator[str]:
    if sys.platform == "darwin":
        yield f"macOS {platform.mac_ver()[0]}"
    else:
        yield f"{platform.system()} {platform.release()}"
    yield platform.machine()
    yield f"Python {platform.python_version()}"
