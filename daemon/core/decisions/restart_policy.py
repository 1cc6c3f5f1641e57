"""When a warm trainer has done enough and a fresh one should go on; knows counts, no process."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessAge:
    """What has gathered in a trainer since it started."""

    traces: int
    """Shapes that are compiled for its last run; each holds buffers until the next one begins."""
    footprint_bytes: int
    """Memory of the process now, as the system counts it."""
    first_bytes: int | None
    """The same after its first run; None before that has ended."""
    runs: int
    """Runs it has carried out to their end."""


@dataclass(frozen=True)
class RestartBounds:
    """How much of it is borne; 0 turns a bound off."""

    traces: int
    growth: float
    """Footprint as a multiple of that after the first run."""
    runs: int


LEAST_GROWTH_BYTES = 256 * 2**20
"""Less growth than this is no leak, whatever the share: a tiny model doubles with one cache."""


def should_restart(load_adapter: ProcessAge, bounds: RestartBounds) -> str | None:
    """Say in words why a fresh trainer should go on; None while this one may."""
    if bounds.traces and load_adapter.traces >= bounds.traces:
        return f"{load_adapter.traces} shapes are compiled, which hold memory until the next run"
    if bounds.runs and load_adapter.runs >= bounds.runs:
        return f"it has carried out {load_adapter.runs} run{'' if load_adapter.runs == 1 else 's'}"
    if bounds.growth and load_adapter.first_bytes is not None:
        grown = load_adapter.footprint_bytes - load_adapter.first_bytes
        most = load_adapter.first_bytes * (bounds.growth - 1)
        if grown > max(most, LEAST_GROWTH_BYTES):
            return (
                f"its memory has grown from {load_adapter.first_bytes / 2**30:.1f} to "
                f"{load_adapter.footprint_bytes / 2**30:.1f} GiB since its first run"
            )
    return None
