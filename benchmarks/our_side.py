"""Trains given rows with this package's engine, as a run does; knows no other side."""

import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import machine
from benchmarks.our_rows import adapter_spec, as_in_a_run, settings
from benchmarks.task import LEARNING_RATE, Report, Task
from daemon.model.backend import BLAS, mx
from daemon.training.data.batches import Ahead, StepContent, TrainingRows
from daemon.training.engine.mlx import MlxEngine


def main(task_file: str) -> None:
    task = Task.read(task_file)
    engine = engine_for(task)
    rows = as_in_a_run(task, engine.shapes)
    found = train(engine, rows)
    Path(task.adapters).mkdir(parents=True)
    engine.save(Path(task.adapters))
    Report(
        **found,
        **machine.peaks(),
        **machine.facts(),
        blas=BLAS or "as installed",
        dtype=str(mx.float32),
        row_tokens=engine.shapes.row_tokens,
    ).write(task.report)


def engine_for(task: Task) -> MlxEngine:
    """Return an engine as a run begins: base loaded, fresh adapter, length of rows chosen."""
    engine, base = MlxEngine(), Path(task.base)
    training = settings(task).training
    usual_row, usual_pass = engine.usual_tokens
    row_tokens = task.row_tokens or engine.best_row_tokens(base) or usual_row
    shape = {"row_tokens": row_tokens, "pass_tokens": max(usual_pass, row_tokens)}
    training = training.model_copy(update=shape)
    engine.load(base, adapter_spec(task), training, None, task.seed, Path(task.scratch), None)
    return engine


def train(engine: MlxEngine, rows: TrainingRows) -> dict[str, Any]:
    """Take every step of the run; the tokens of the next one are prepared meanwhile."""
    machine.forget_peaks()
    ahead = Ahead(rows)
    contents: list[StepContent] = []
    seconds, losses = [], []
    for index in range(rows.plan.steps):
        began_s = perf_counter()
        content = ahead.step(index, frozenset())
        result = engine.step(content.passes, LEARNING_RATE, index)
        seconds.append(perf_counter() - began_s)
        contents.append(content)
        losses.append(float("nan") if result.loss is None else result.loss)
    return {"seconds": seconds, "losses": losses, **counted(contents)}


def counted(contents: list[StepContent]) -> dict[str, Any]:
    """Return the tokens of each step, and those that the loss counts on."""
    texts = [[text.encoded for text in content.texts] for content in contents]
    return {
        "tokens": [sum(len(text.tokens) for text in step) for step in texts],
        "supervised": [sum(int(text.supervised[1:].sum()) for text in step) for step in texts],
    }


if __name__ == "__main__":
    main(sys.argv[1])
