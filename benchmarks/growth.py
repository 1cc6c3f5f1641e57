"""Whether a daemon grows: step time and footprint after many files beside those after a few.

    python -m benchmarks.growth [--files 1000]

The real daemon with its real workers trains a tiny random model, one run a file. How many traces,
tokenizers and indexes a worker holds is counted by tests: it cannot be seen from outside.
"""

import argparse
import json
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.daemon_side import Running, daemon
from daemon.layout import Layout
from daemon.training.engine.stub_base import make_base
from tests.training.tiny_llama import make_weights

FEW = 10
WINDOW = 10
"""Files over which times are looked at, after the few and at the end."""

ALLOWED = 1.05
WORKERS = {"daemon.intake": "intake", "daemon.training": "trainer"}
SETTINGS = {
    "inbox": {"settle_s": 0.0, "rescan_s": 0.1},
    "intake": {"pictures": False},
    "run": {"gather_rows": 1},
    "training": {"batch_rows": 4, "epochs": 1, "rank": 8},
    "evaluation": {"eval_every": 1, "samples": 1, "max_new_tokens": 4, "judge_samples": 1},
    "gate": {"min_effect": 10.0, "floor": 1.0, "forgetting": 10.0},
}
"""The gate refuses nothing: a random model forgets, and each file is to be trained and promoted."""


@dataclass(frozen=True)
class Seen:
    """One process as the system sees it."""

    rss_bytes: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Moment:
    """The daemon after some files."""

    step_s: float
    """Median over the steps of the last few files."""
    processes: dict[str, Seen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    files = parser.parse_args().files
    if files < FEW + 2 * WINDOW:
        parser.error(f"at least {FEW + 2 * WINDOW} files are needed")
    with tempfile.TemporaryDirectory(prefix="finetuned-growth-") as folder:
        place = Layout(Path(folder) / "workspace")
        settings = {"model": str(tiny_model(Path(folder) / "model")), **SETTINGS}
        with daemon(place, settings) as running:
            few = after(running, 0, FEW + WINDOW)
            many = after(running, FEW + WINDOW, files)
    print(f"after {FEW + WINDOW} files and after {files}:")
    show("step, milliseconds", few.step_s * 1e3, many.step_s * 1e3)
    for name, one in few.processes.items():
        other = many.processes[name]
        show(f"{name}, resident MiB", one.rss_bytes / 2**20, other.rss_bytes / 2**20)
        show(f"{name}, descriptors", one.descriptors, other.descriptors)
        show(f"{name}, threads", one.threads, other.threads)


def tiny_model(folder: Path) -> Path:
    """Make a random llama of two layers with a real tokenizer; return its directory."""
    layout = Layout(folder)
    base = layout.base(make_base(layout, "tiny").name)
    make_weights(base)
    return base


def after(running: Running, first: int, last: int) -> Moment:
    """Drop files, each when the one before is promoted, and look."""
    known = 0
    file = running.place.root / "rows.jsonl"
    for number in range(first, last):
        if number == last - WINDOW:
            known = len(running.metrics())
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows(number)), encoding="utf-8")
        running.train(file)
    steps = [step["seconds"] for step in running.metrics()[known:]]
    return Moment(statistics.median(steps), processes(running))


def rows(file: int) -> list[dict[str, Any]]:
    """Return rows of lengths that come again in every file; no row comes twice."""
    return [
        {
            "prompt": f"what comes after {number}" + " please" * (number % 7),
            "completion": f"after {number} comes {number + 1}" + " indeed" * (number % 3),
        }
        for number in range(file * 21, file * 21 + 21)
    ]


def processes(running: Running) -> dict[str, Seen]:
    """Return the supervisor and its workers, by name."""
    supervisor = psutil.Process(running.process.pid)
    found = {"supervisor": seen(supervisor)}
    for child in supervisor.children():
        words = " ".join([child.name(), *child.cmdline()])
        for module, name in WORKERS.items():
            if module in words or f"finetuned {name}" in words:
                found[name] = seen(child)
    return found


def seen(process: psutil.Process) -> Seen:
    """Return what the system says of a process."""
    return Seen(process.memory_info().rss, process.num_fds(), process.num_threads())


def show(what: str, few: float, many: float) -> None:
    """Print one line."""
    grown = "" if many <= ALLOWED * few else f"  grown by more than {ALLOWED - 1:.0%}"
    print(f"{what:<28} {few:9.1f} {many:9.1f}   {many / few:5.2f}{grown}")


if __name__ == "__main__":
    main()
