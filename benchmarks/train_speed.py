"""The speed table: this package beside what people use, on the same real rows.

    python -m benchmarks.train_speed [--quick] [--only NAME ...] [--rounds 2]

Both sides run in turn, each in a process of its own. A row whose gradient is not the reference's
is no row: it says FAIL, and the process ends with 1.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks import machine
from benchmarks.cases import CASES, Case
from benchmarks.sides import Bench, prepare
from benchmarks.task import Report

GATE = 1e-5
"""Largest difference of the gradients, as a share of the reference's norm."""

SAME_LOSS = 0.05
"""Final losses this close are equal whatever the seeds say, as a share of the base's loss."""

HEADER = (
    "| row | against | ours | theirs | ratio | wanted | MLX peak | RSS peak | wanted | gate | "
    "final loss, ours / theirs | load |\n" + "| --- " * 12 + "|"
)


@dataclass(frozen=True)
class Outcome:
    """What came of one case; reports in the order of the rounds."""

    case: Case
    ours: list[Report]
    theirs: list[Report]
    first_step: int
    gate: float
    losses: list[float] | None
    """Ours and theirs in turn, then that of the untrained base."""
    load: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--quick", action="store_true", help="a few steps and one round")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="rows to measure")
    parser.add_argument("--rounds", type=int, help="how often each side runs (2)")
    asked = parser.parse_args()
    rounds = asked.rounds or (1 if asked.quick else 2)
    failed = []
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        prepared = prepare(Path(folder))
        print(about(prepared["gpu"]), HEADER, sep="\n\n", flush=True)
        outcomes = []
        for case in (case for case in CASES if case.name in asked.only):
            bench = Bench(Path(folder) / case.name, prepared, case, asked.quick)
            outcome = measure(bench, case, case.rounds or rounds)
            print(line(outcome), flush=True)
            outcomes.append(outcome)
            failed += [case.name] if outcome.gate > GATE else []
    print("", *(remark for outcome in outcomes for remark in remarks(outcome)), sep="\n")
    if failed:
        sys.exit(f"FAIL: the gradient is not the reference's: {', '.join(failed)}")


def about(gpu: bool) -> str:
    """Return what is the same for all rows."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("mlx", "mlx-lm"))
    place = "GPU" if gpu else "CPU"
    return (
        f"SmolLM2-135M, {libraries}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, {place}. Speeds are supervised tokens per second, memory is the "
        "peak of training as a share of theirs."
    )


def measure(bench: Bench, case: Case, rounds: int) -> Outcome:
    """Run both sides in turn, then the gate, then score what both have learned."""
    load = machine.load()
    ours, theirs, tasks = [], [], []
    for seed in range(1, rounds + 1):
        mine, task = bench.ours(seed)
        its, their_task = bench.theirs(seed, task)
        ours.append(mine)
        theirs.append(its)
        tasks += [task, their_task]
    losses = bench.final_losses(tasks) if case.kind == "trainer" else None
    first = (case.from_epoch - 1) * bench.steps_of_epoch
    return Outcome(case, ours, theirs, first, bench.gate(), losses, load)


def line(found: Outcome) -> str:
    """Return one row of the table."""
    case = found.case
    mine, its = speeds(found)
    ratio = ratio_of(found)
    cells = [
        case.name,
        case.against,
        mine,
        its,
        f"{ratio:.2f}{_mark(ratio >= case.wanted)}",
        f">= {case.wanted:g}",
        *_memory(found),
        f"{found.gate:.1e}" + ("" if found.gate <= GATE else " **FAIL**"),
        _losses(found),
        found.load,
    ]
    return f"| {' | '.join(cells)} |"


def ratio_of(found: Outcome) -> float:
    """Return how much faster this package is; for the limit, the share of it that is reached.

    Both sides train the same rows the same number of times, so the ratio of their speeds is that
    of their seconds.
    """
    mine, its = seconds(found.ours, found.first_step), seconds(found.theirs, found.first_step)
    return 2.0 * its / mine if found.case.kind == "limit" else its / mine


def seconds(reports: list[Report], first_step: int) -> float:
    """Return the median over the rounds."""
    return statistics.median(report.total_s(first_step) for report in reports)


def speeds(found: Outcome) -> tuple[str, str]:
    """Return both speeds; for a file's whole way, seconds."""
    mine, its = seconds(found.ours, found.first_step), seconds(found.theirs, found.first_step)
    if found.case.kind == "command":
        return f"{mine:.1f} s", f"{its:.1f} s"
    # The same tokens for both: mlx-lm's masks have a token more at the end of each answer.
    tokens = sum(found.ours[0].supervised[found.first_step :])
    return f"{tokens / mine:.1f}", f"{tokens / its:.1f}"


def _memory(found: Outcome) -> list[str]:
    """Return MLX's peak and the process's as shares of theirs, and what is wanted."""
    if found.case.wanted_memory is None:
        return ["-", "-", "-"]
    cells = []
    for kind in ("mlx_peak_bytes", "rss_peak_bytes"):
        mine, its = (
            statistics.median(getattr(report, kind) for report in side)
            for side in (found.ours, found.theirs)
        )
        share = mine / its
        cells.append(f"{share:.2f}{_mark(share <= found.case.wanted_memory)}")
    return [*cells, f"<= {found.case.wanted_memory:g}"]


def _losses(found: Outcome) -> str:
    if found.losses is None:
        return "-"
    *trained, untrained = found.losses
    mine, its = trained[0::2], trained[1::2]
    apart = abs(statistics.mean(mine) - statistics.mean(its))
    noise = max(max(side) - min(side) for side in (mine, its))
    equal = apart <= max(noise, SAME_LOSS * untrained)
    cell = f"{statistics.mean(mine):.3f} / {statistics.mean(its):.3f}, from {untrained:.3f}"
    return cell + _mark(equal)


def _mark(reached: bool) -> str:
    return "" if reached else " (missed)"


def remarks(found: Outcome) -> list[str]:
    """Return what stands below the table: what each side computed with, and its peaks."""
    told = [f"{found.case.name}: {found.case.note}"] if found.case.note else []
    for who, reports in (("ours", found.ours), ("theirs", found.theirs)):
        one = reports[0]
        parts = [
            one.blas and f"BLAS {one.blas}",
            one.threads and f"{one.threads} threads",
            one.dtype,
            one.peak_gflops and f"matrix products {one.peak_gflops:.0f} GFLOP/s",
            one.mlx_peak_bytes and f"MLX peak {one.mlx_peak_bytes / 2**20:.0f} MiB",
            one.rss_peak_bytes and f"RSS peak {one.rss_peak_bytes / 2**20:.0f} MiB",
            one.tokens and f"{sum(one.tokens)} tokens, {sum(one.supervised)} in the loss",
            f"{', '.join(f'{report.total_s():.1f}' for report in reports)} s",
            one.note,
            one.row_tokens and f"rows of {one.row_tokens} tokens",
        ]
        told.append(f"{found.case.name}, {who}: {'; '.join(str(part) for part in parts if part)}")
    return told


if __name__ == "__main__":
    main()
