"""Scores adapters of both sides on the rows they were trained on, in the same way; trains nothing.

What each side reports of its steps cannot be compared: their masks and means are not the same.
"""

import json
import sys
from pathlib import Path

from benchmarks.our_rows import encoded, examples_of
from benchmarks.our_side import engine_for
from benchmarks.task import Task
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.mlx import MlxEngine


def main(task_file: str, *folders: str) -> None:
    task = Task.read(task_file)
    engine = engine_for(task)
    rows = encoded(TextEncoder.load(Path(task.base)), examples_of(task))
    found = [mean(engine, rows, Path(folder)) for folder in folders]
    found.append(mean(engine, rows, None))
    Path(task.report).write_text(json.dumps(found), encoding="utf-8")


def mean(engine: MlxEngine, rows: list[Encoded], adapter: Path | None) -> float:
    """Return the mean in nats per supervised token; without an adapter that of the base."""
    engine.load_adapter(adapter)
    scored = engine.losses(rows)
    return sum(total for total, _ in scored) / sum(count for _, count in scored)


if __name__ == "__main__":
    main(*sys.argv[1:])
