"""The gate of a speed row: our float32 gradient of one epoch beside the plainest way to compute it.

Ours packs texts into rows, leaves out what is not supervised, keeps what frozen layers give and
collapses growing chats. The reference calls the model itself, one row as it was logged at a time.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mlx.utils import tree_flatten

from benchmarks.our_rows import adapter_spec, as_in_a_run, encoded, examples_of, settings
from benchmarks.our_side import engine_for
from benchmarks.task import Task
from daemon.core.training.packing import RowShapes
from daemon.model import adapters
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx, nn
from daemon.model.loading import load_model
from daemon.model.parallel import ParallelPasses
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.step import Stepper
from daemon.training.engine.trunk_cache import TrunkCache

TOLERANCE = 1e-5
"""Largest norm of the difference, as a share of the norm of the reference."""

MOVED = 0.02
"""How far the adapter is moved off its beginning, where half of its gradient is zero."""

Gradient = dict[str, np.ndarray]


def main(task_file: str, requests_file: str | None = None) -> None:
    task = Task.read(task_file)
    shapes = engine_for(task).shapes
    model = moved_model(task)
    mine = ours(task, model, shapes)
    rows = encoded(TextEncoder.load(Path(task.base)), examples_of(task))
    if requests_file is not None:
        rows = last_answers(Task.read(requests_file))
    plain = reference(model, rows)
    found = {"difference": difference(mine[0], plain[0]), "tokens": [mine[1], plain[1]]}
    Path(task.report).write_text(json.dumps(found), encoding="utf-8")


def moved_model(task: Task) -> Any:
    """Return the model with an adapter that changes something."""
    model, _ = load_model(Path(task.base))
    adapters.attach(model, adapter_spec(task), task.seed)
    mx.random.seed(task.seed)
    weights = adapters.adapter_weights(model)
    adapters.put_weights(
        model, {name: a + MOVED * mx.random.normal(a.shape) for name, a in weights.items()}
    )
    return model


def ours(task: Task, model: Any, shapes: RowShapes) -> tuple[Gradient, int]:
    """Return the gradient of one epoch as one step, and the tokens it counts.

    Where the run has more epochs the second one is taken, in which kept states are used.
    """
    rows = as_in_a_run(task, shapes)
    contents = [rows.step(index) for index in range(rows.plan.steps_of_epoch)]
    passes = [item for content in contents for item in content.passes]
    kept = TrunkCache(Path(task.scratch), 2**31)
    stepper = Stepper(Anatomy(model), settings(task).training, shapes, ParallelPasses(), kept)
    model.train()
    for _ in range(task.epochs):
        _, gradient = stepper._accumulate(passes, 0)
    if task.epochs > 1 and not len(kept):
        raise RuntimeError("nothing was kept: the gate would not see what it is for")
    kept.close()
    supervised = sum(int(t.encoded.supervised[1:].sum()) for c in contents for t in c.texts)
    flat: Any = tree_flatten(gradient)
    return {name: np.array(array, np.float64) for name, array in flat}, supervised


def reference(model: Any, rows: Iterable[Encoded]) -> tuple[Gradient, int]:
    """Return the same from the model's own call and nothing else, row by row."""

    def nats(tokens: Any, marks: Any) -> Any:
        logits = model(tokens[None, :-1])[0].astype(mx.float32)
        return (nn.losses.cross_entropy(logits, tokens[1:], reduction="none") * marks).sum()

    differentiate = nn.utils.value_and_grad(model, nats)
    total: Gradient = {}
    supervised = 0
    for row in rows:
        marks = row.supervised[1:].astype(np.float32)
        value, gradient = differentiate(mx.array(row.tokens), mx.array(marks))
        mx.eval(value, gradient)
        flat: Any = tree_flatten(gradient)
        for name, array in flat:
            total[name] = total.get(name, 0.0) + np.array(array, np.float64)
        supervised += int(marks.sum())
    return {name: array / supervised for name, array in total.items()}, supervised


def last_answers(task: Task) -> list[Encoded]:
    """Return logged requests with the loss on what each was asked for: the last answer."""
    rows = encoded(TextEncoder.load(Path(task.base)), examples_of(task))
    found = []
    for row in rows:
        ends = np.flatnonzero(row.supervised)
        breaks = np.flatnonzero(np.diff(ends) > 1)
        first = ends[breaks[-1] + 1] if len(breaks) else ends[0]
        found.append(Encoded(row.tokens, row.supervised & (np.arange(len(row.tokens)) >= first)))
    return found


def difference(mine: Gradient, plain: Gradient) -> float:
    """Return the norm of the difference over the norm of the reference."""
    if mine.keys() != plain.keys():
        raise RuntimeError("the two gradients are not of the same numbers")
    apart = sum(float(((mine[name] - plain[name]) ** 2).sum()) for name in plain)
    whole = sum(float((array**2).sum()) for array in plain.values())
    return float(np.sqrt(apart / whole))


if __name__ == "__main__":
    main(*sys.argv[1:])
