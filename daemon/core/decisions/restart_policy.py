"""When a warm trainer has done enough and a fresh one should go on; knows counts, no process."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wear:
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
class WearBounds:
    """How much of it is borne; 0 turns a bound off."""

    traces: int
    growth: float
    """Footprint as a multiple of that after the first run."""
    runs: int


LEAST_GROWTH_BYTES = 256 * 2**20
"""Less growth than this is no leak, whatever the share: a tiny model doubles with one cache."""


def worn(wear: Wear, bounds: WearBounds) -> str | None:
    """Say in words why a fresh trainer should go on; None while this one may."""
    if bounds.traces and wear.traces >= bounds.traces:
        return f"{wear.traces} shapes are compiled, which hold memory until the next run"
    if bounds.runs and wear.runs >= bounds.runs:
        return f"it has carried out {wear.runs} run{'' if wear.runs == 1 else 's'}"
    if bounds.growth and wear.first_bytes is not None:
        grown = wear.footprint_bytes - wear.first_bytes
        most = wear.first_bytes * (bounds.growth - 1)
        if grown > max(most, LEAST_GROWTH_BYTES):
            return (
                f"its memory has grown from {wear.first_bytes / 2**30:.1f} to "
                f"{wear.footprint_bytes / 2**30:.1f} GiB since its first run"
            )
    return None
