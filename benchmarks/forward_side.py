"""Runs the model's own call on the passes of a run, with the loss and without a gradient.

It is the measure of how much a training step costs beyond what it cannot do without.
"""

import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import machine
from benchmarks.our_rows import adapter_spec, as_in_a_run
from benchmarks.our_side import counted, engine_for
from benchmarks.task import Report, Task
from daemon.core.training.packing import RowShapes
from daemon.model import adapters
from daemon.model.backend import BLAS, mx, nn
from daemon.model.loading import load_model
from daemon.model.packing_masks import packing_masks
from daemon.training.engine.arrays import arrange
from daemon.training.engine.protocol import EncodedPass


def main(task_file: str) -> None:
    task = Task.read(task_file)
    base, spec = Path(task.base), adapter_spec(task)
    shapes = engine_for(task).shapes
    model, _ = load_model(base)
    adapters.attach(model, spec, task.seed)
    rows = as_in_a_run(task, shapes)
    contents = [rows.step(index) for index in range(rows.plan.steps)]
    machine.forget_peaks()
    seconds = []
    for content in contents:
        began_s = perf_counter()
        for item in content.passes:
            mx.eval(loss(model, item, shapes))
        seconds.append(perf_counter() - began_s)
    Report(
        seconds=seconds,
        **counted(contents),
        **machine.peaks(),
        **machine.facts(),
        blas=BLAS or "as installed",
        dtype=str(mx.float32),
    ).write(task.report)


def loss(model: Any, item: EncodedPass, shapes: RowShapes) -> Any:
    """Return the sum of the losses of one pass."""
    arrays = arrange(item.rows, item.width, shapes)
    cache = None if arrays.segments is None else packing_masks(len(model.layers), arrays.segments)
    logits = model(arrays.tokens, cache=cache)
    picked = logits.reshape(-1, logits.shape[-1])[arrays.picks].astype(mx.float32)
    losses: Any = nn.losses.cross_entropy(picked, arrays.targets, reduction="none")
    return (losses * arrays.weights).sum()


if __name__ == "__main__":
    main(sys.argv[1])
