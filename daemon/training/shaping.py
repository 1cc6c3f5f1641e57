"""Chooses how a run is computed here: by what worked before, by measuring, by what fits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.core import messages as say
from daemon.core.footprint import Estimate
from daemon.core.ladder import Rung, climb, describe
from daemon.errors import ModelFault
from daemon.folders import machine
from daemon.training.bench import Bench
from daemon.training.engine import Footing
from daemon.training.frozen import Request
from daemon.training.rows import JobRows

GIB = 2**30
TOO_LITTLE_MEMORY = "too_little_memory"


@dataclass(frozen=True)
class Shape:
    """How steps are computed."""

    row_tokens: int
    """Of a packed row."""
    longest: int
    """Tokens of the longest text."""
    rung: Rung
    estimate: Mapping[str, int] | None


def choose_shape(bench: Bench, request: Request, rows: JobRows, base: Path) -> Shape:
    """Return the shape of a run's steps.

    Raises:
        ModelFault: no step of this model fits into this machine, however it is computed.
    """
    training = request.settings.training
    worked = recall(bench, request)
    usual_row, usual_pass = bench.engine.usual_tokens
    row_tokens = training.row_tokens or worked.get("row_tokens")
    if row_tokens is None:
        row_tokens = _measure(bench, request, base) or usual_row
    usual_pass = max(usual_pass, row_tokens)
    first = Rung(
        at=0,
        pass_tokens=training.pass_tokens
        or worked.get("pass_tokens")
        or max(usual_pass, row_tokens),
        checkpoint=training.grad_checkpoint or bool(worked.get("checkpoint")),
    )
    longest = max((int(rows.train(job).tokens.max(initial=1)) for job in request.jobs), default=1)
    rung, need = _fitting(bench, request, base, first, row_tokens, longest)
    return Shape(row_tokens, longest, rung, None if need is None else need.as_record())


def _measure(bench: Bench, request: Request, base: Path) -> int | None:
    found = bench.engine.best_row_tokens(base)
    if found is not None:
        remember(bench, request, {"row_tokens": found})
        message = f"packed rows of {found} tokens train fastest on this machine"
        bench.pipe.send(say.Noted("row_tokens_measured", message))
    return found


def _fitting(
    bench: Bench, request: Request, base: Path, first: Rung, row_tokens: int, longest: int
) -> tuple[Rung, Estimate | None]:
    """Go down the ladder before the first step until the estimate fits into the memory there is."""
    rung = first
    while True:
        packed = min(row_tokens, rung.pass_tokens)
        width = max(packed, min(longest, rung.max_row_tokens or longest))
        footing = Footing(
            rung.pass_tokens, width, rung.checkpoint, request.settings.training.optimizer
        )
        found = bench.engine.estimate(base, request.adapter, footing)
        if found is None:
            return rung, None
        need, there = found
        if need.total <= there:
            if rung != first:
                message = f"{request.run} is computed with {describe(rung)} to fit into memory"
                bench.pipe.send(say.Alerted("memory_is_short", message))
            return rung, need
        lower = climb(rung, longest, 0, "a step was estimated not to fit into memory")
        if lower is None:
            raise ModelFault(
                TOO_LITTLE_MEMORY,
                f"a step takes about {need.total / GIB:.1f} GiB and there are {there / GIB:.1f}: "
                "choose a smaller or 4-bit model, or fewer training.num_layers",
            )
        rung = lower


def recall(bench: Bench, request: Request) -> dict[str, Any]:
    """Return what worked with this base on this machine."""
    fingerprint = str(request.base["fingerprint"])
    worked, problem = machine.read_worked(bench.layout, bench.engine.device, fingerprint)
    _tell(bench, problem)
    return worked


def remember(bench: Bench, request: Request, worked: Mapping[str, Any]) -> None:
    """Keep what worked with this base on this machine."""
    fingerprint = str(request.base["fingerprint"])
    _tell(bench, machine.remember_worked(bench.layout, bench.engine.device, fingerprint, worked))


def worked_with(rung: Rung) -> dict[str, Any]:
    """Return what is worth keeping of a rung with which a run came to its end.

    Not its longest row: one crowded night would leave long rows out of every later run. The next
    run tries them again, and comes down the ladder where they have no room then either.
    """
    return {"pass_tokens": rung.pass_tokens, "checkpoint": rung.checkpoint}


def _tell(bench: Bench, problem: str | None) -> None:
    if problem is not None:
        bench.pipe.send(say.Alerted("machine_memory_damaged", problem))
