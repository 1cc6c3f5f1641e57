"""Estimates what training a file costs, from its row lengths and the speed of earlier runs here."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.core.training.packing import USUAL_ROW_TOKENS, RowShapes, lay_out
from daemon.core.training.plan import Plan
from daemon.folders.models.models import read_manifests
from daemon.layout import Layout
from daemon.settings import TrainingSettings


@dataclass(frozen=True)
class Cost:
    """The training cost of a file's rows."""

    steps: int
    tokens: int
    """Of one epoch."""
    computed: int
    """Tokens computed in one epoch, padding included."""
    rows: int
    """Packed rows of one epoch."""
    longest: int
    """Tokens of the longest of them, at most."""


@dataclass(frozen=True)
class Speed:
    """The speed that the newest run with a measurement recorded."""

    version: str
    platform: str
    tokens_per_s: float
    peak_bytes: int | None


def lengths_of(path: Path) -> list[int]:
    """Return the token counts of the rows of `train.jsonl`."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [int(json.loads(line)["tokens"]) for line in file]


def cost_of(lengths: Sequence[int], training: TrainingSettings) -> Cost:
    """Return what rows cost, by laying out all passes of one epoch as the trainer does."""
    plan = Plan(lengths, training.batch_rows, training.epochs, training.seed)
    row_tokens = training.row_tokens or USUAL_ROW_TOKENS
    shapes = RowShapes(row_tokens, training.pass_tokens or row_tokens)
    passes = [
        item
        for index in range(plan.steps_of_epoch)
        for item in lay_out(plan.batch(index).own, lengths, shapes)
    ]
    computed = sum(item.width * len(item.rows) for item in passes)
    rows = sum(len(item.rows) for item in passes)
    return Cost(plan.steps, sum(lengths), computed, rows, max(shapes.row_tokens, *lengths))


def measured(layout: Layout) -> Speed | None:
    """Return the newest version's speed; None if no run has measured one."""
    for manifest in reversed(read_manifests(layout)):
        speed = manifest.metrics.tokens_per_s
        if speed:
            platform = manifest.platform or "an unknown machine"
            return Speed(manifest.version, platform, speed, manifest.metrics.peak_bytes)
    return None


def sentences(cost: Cost, speed: Speed | None, epochs: int) -> list[str]:
    """Return a cost as sentences."""
    waste = 1 - cost.tokens / cost.computed
    return [
        f"{cost.tokens:,} tokens an epoch, packed into {cost.rows:,} rows of at most "
        f"{cost.longest:,}; {waste:.0%} of what is computed is padding",
        f"{cost.steps:,} steps in {epochs} epoch{'' if epochs == 1 else 's'}",
        *_time_and_memory(cost, speed, epochs),
    ]


def _time_and_memory(cost: Cost, speed: Speed | None, epochs: int) -> list[str]:
    if speed is None:
        return ["no run has been measured in this workspace yet: time and memory are unknown"]
    seconds = cost.tokens * epochs / speed.tokens_per_s
    time = (
        f"about {_span(seconds)} of training at {speed.tokens_per_s:,.0f} tokens per second, "
        f"as {speed.version} measured on {speed.platform}"
    )
    if speed.peak_bytes is None:
        return [time, f"the required memory is unknown: {speed.version} did not record it"]
    return [time, f"about {speed.peak_bytes / 2**30:.1f} GiB of memory, as {speed.version} took"]


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
