"""Decides when to replace a trainer by a fresh process: traces, memory growth, number of runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessAge:
    """What a trainer has accumulated since it started."""

    traces: int
    """Shapes compiled for its last run; each holds buffers until the next run begins."""
    footprint_bytes: int
    """Memory of the process now, as the system counts it."""
    first_bytes: int | None
    """The same after its first run; None before the end of that."""
    runs: int
    """Runs and orders carried out."""


@dataclass(frozen=True)
class RestartBounds:
    """The bounds on a process's age; 0 turns a bound off."""

    traces: int
    growth: float
    """Footprint as a multiple of that after the first run."""
    runs: int


LEAST_GROWTH_BYTES = 256 * 2**20
"""Less growth is not a leak, whatever the factor: one cache doubles the memory of a tiny model."""


def should_restart(age: ProcessAge, bounds: RestartBounds) -> str | None:
    """Return why a fresh trainer should take over; None while this one may go on."""
    if bounds.traces and age.traces >= bounds.traces:
        return f"{age.traces} shapes are compiled, which hold memory until the next run"
    if bounds.runs and age.runs >= bounds.runs:
        return f"it has carried out {age.runs} run{'' if age.runs == 1 else 's'}"
    if bounds.growth and age.first_bytes is not None:
        grown = age.footprint_bytes - age.first_bytes
        most = age.first_bytes * (bounds.growth - 1)
        if grown > max(most, LEAST_GROWTH_BYTES):
            return (
                f"its memory has grown from {age.first_bytes / 2**30:.1f} to "
                f"{age.footprint_bytes / 2**30:.1f} GiB since its first run"
            )
    return None
