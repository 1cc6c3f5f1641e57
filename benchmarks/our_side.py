"""Times this package's engine on given rows and prints one JSON line; knows no other side."""

import json
import sys
import time
from pathlib import Path

from daemon.core.examples import from_record
from daemon.core.packing import Shapes, lay_out
from daemon.core.plan import Plan
from daemon.core.versions import AdapterSpec
from daemon.model.adapters import all_linear
from daemon.model.loading import load_model
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine import EncodedPass
from daemon.training.mlx_engine import MlxEngine


def main(task_file: str) -> None:
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    base = Path(task["base"])
    training = TrainingSettings(**task["training"])
    rows = encoded_rows(base, Path(task["rows"]))
    spec = AdapterSpec(
        "lora", training.rank, training.effective_scale, 0.0, training.num_layers, ()
    )
    engine = MlxEngine()
    training = training.model_copy(update={"row_tokens": 256, "pass_tokens": 256})
    engine.load(base, spec, training, None, training.seed, base.parent)
    steps = split(rows, training, engine.shapes)
    began_s = time.perf_counter()
    losses = [engine.step(step, training.learning_rate, seed).loss for seed, step in steps]
    seconds = time.perf_counter() - began_s
    tokens = sum(len(row.tokens) for row in rows)
    report = {"tokens": tokens, "seconds": seconds, "steps": len(steps), "losses": losses}
    json.dump(report, sys.stdout)


def encoded_rows(base: Path, path: Path) -> list[Encoded]:
    """Return every row as tokens; one that does not fit is an error here."""
    examples = [from_record(json.loads(line)) for line in path.read_bytes().splitlines()]
    found = TextEncoder.load(base).encode(examples, 2**20)
    return [row for row in found if isinstance(row, Encoded)]


def split(
    rows: list[Encoded], training: TrainingSettings, shapes: Shapes
) -> list[tuple[int, list[EncodedPass]]]:
    """Return the passes of each step of one epoch, as a run makes them."""
    lengths = [len(row.tokens) for row in rows]
    plan = Plan(lengths, training.batch_rows, 1, training.seed)
    steps = []
    for index in range(plan.steps):
        laid = lay_out(plan.batch(index).own, lengths, shapes)
        passes = [
            EncodedPass(p.width, tuple(tuple(rows[text] for text in row) for row in p.rows))
            for p in laid
        ]
        steps.append((index, passes))
    return steps


def linear_names(base: Path) -> list[str]:
    """Return the names of a model's linear modules, for the other side's settings."""
    model, _ = load_model(base)
    return all_linear(model)


if __name__ == "__main__":
    main(sys.argv[1])
