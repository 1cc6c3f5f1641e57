"""Measures what else could keep earlier files, beside replay: on short streams with a tiny model.

    python -m benchmarks.replay_relatives [--way WAY …] [--seed N …] [--out relatives.jsonl]

Four files are trained one after another on the model of `benchmarks/word_model.py`: each puts the
same question in other words, and to each a colour means another room; the last returns to the first
one. The ways differ in one thing each from plain replay: `pull` holds the answers to replayed
prompts near those of the starting version (Li and Hoiem 2016) instead of training them; `merge`
takes a point between begin and end of each run, `point` an earlier step of it, whichever has the
lowest mean loss on tune rows of all files; `rates` lowers the rate of what earlier files use, by
their squared gradients (Kirkpatrick and others 2017). `none` has no replay. A way and seed is one
line of `--out`, and is not made again.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import numpy as np
from mlx.utils import tree_flatten

from benchmarks.real_rows import as_example
from benchmarks.word_model import COLOURS, FORMS, ROOMS, THINGS, make_word_model, row
from daemon.core.workspace.versions import AdapterSpec
from daemon.model import adapters
from daemon.model.backend import mx, nn
from daemon.model.loading import load_model
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded, TextEncoder

# mlx comes after the back end is set up.
from mlx.optimizers import AdamW  # isort: skip

TRAINED, TUNE, JUDGE = 48, 16, 32
"""Rows of a file."""
EPOCHS, BATCH, SHARE = 5, 8, 0.1
LAYERS, RATE, LONGEST = 2, 1e-3, 1.0
"""Trained layers, learning rate, and the longest gradient: longer ones are scaled."""
POINTS = 5
"""Steps between two points of a run that may be taken."""
BETWEEN = (0.25, 0.5, 0.75, 1.0)
WAYS = ("none", "replay", "pull", "merge", "point", "rates")

Weights = dict[str, Any]


@dataclass(frozen=True)
class File:
    """One file of the stream."""

    train: Sequence[Encoded]
    tune: Sequence[Encoded]
    judge: Sequence[Encoded]


class Model:
    """The model with its adapter."""

    def __init__(self, base: Path, seed: int) -> None:
        self.whole: Any = load_model(base)[0]
        chosen = TrainingSettings()
        spec = AdapterSpec("lora", chosen.rank, chosen.effective_scale, 0.0, LAYERS, ())
        adapters.attach(self.whole, spec, seed)
        self.whole.eval()

    def logits(self, rows: Sequence[Encoded]) -> tuple[Any, Any, Any]:
        """Return logits, the tokens they are to say, and which of them count."""
        width = max(len(row.tokens) for row in rows)
        tokens, counted = (np.zeros((len(rows), width), np.int32) for _ in range(2))
        for place, text in enumerate(rows):
            tokens[place, : len(text.tokens)] = text.tokens
            counted[place, : len(text.tokens)] = text.supervised
        found = self.whole(mx.array(tokens[:, :-1]))
        return found, mx.array(tokens[:, 1:]), mx.array(counted[:, 1:])

    def nats(self, rows: Sequence[Encoded]) -> Any:
        """Return the loss of rows, in nats per token."""
        logits, targets, counted = self.logits(rows)
        return (nn.losses.cross_entropy(logits, targets) * counted).sum() / counted.sum()

    def loss(self, rows: Sequence[Encoded]) -> float:
        """Return the loss of rows as a number."""
        return float(self.nats(rows).item())

    def weights(self) -> Weights:
        """Return a copy of the adapter."""
        return {name: mx.array(a) for name, a in adapters.adapter_weights(self.whole).items()}

    def put(self, weights: Weights) -> None:
        """Take another adapter."""
        adapters.put_weights(self.whole, weights)


Batch = tuple[list[Encoded], list[Encoded]]
"""Of one step, the rows of its file and the replayed ones."""


class Run:
    """The training of one file after others."""

    def __init__(self, model: Model, way: str, optimizer: AdamW, chance: random.Random) -> None:
        self.model, self.way, self.optimizer, self.chance = model, way, optimizer, chance

    def train(self, file: File, earlier: Sequence[File]) -> None:
        """Train a file, and leave the model where its way ends."""
        start = self.model.weights()
        old = [row for one in earlier for row in one.train]
        scales = self._scales(old) if self.way == "rates" and old else {}
        kept = []
        for number, batch in enumerate(self._batches(file, old), 1):
            self._step(batch, start, scales)
            if number % POINTS == 0:
                kept.append(self.model.weights())
        end = self.model.weights()
        if self.way == "point":
            self._take([*kept, end], [file, *earlier])
        elif self.way == "merge" and old:
            between = [
                {name: a + share * (end[name] - a) for name, a in start.items()}
                for share in BETWEEN
            ]
            self._take(between, [file, *earlier])

    def _batches(self, file: File, old: Sequence[Encoded]) -> list[Batch]:
        rows = [
            (row, False)
            for _ in range(EPOCHS)
            for row in self.chance.sample(list(file.train), len(file.train))
        ]
        if old and self.way != "none":
            extra = round(len(rows) * SHARE / (1 - SHARE))
            rows += [(self.chance.choice(old), True) for _ in range(extra)]
            self.chance.shuffle(rows)
        steps = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
        return [([r for r, a in one if not a], [r for r, a in one if a]) for one in steps]

    def _step(self, batch: Batch, start: Weights, scales: Weights) -> None:
        own, replayed = batch
        wanted = self._answers(replayed, start) if self.way == "pull" and replayed else None

        def loss(_model: Any) -> Any:
            if wanted is None:
                return self.model.nats([*own, *replayed])
            logits, _, counted = self.model.logits(replayed)
            apart = nn.losses.cross_entropy(logits, wanted) * counted
            share = len(replayed) / (len(own) + len(replayed))
            pulled = share * apart.sum() / counted.sum()
            return pulled + (1.0 - share) * self.model.nats(own) if own else pulled

        before = self.model.weights()
        gradient = self._gradient(loss)
        length = mx.sqrt(sum((array * array).sum() for array in gradient.values()))
        scale = mx.minimum(1.0, LONGEST / (length + 1e-6))
        scaled = {name: array * scale for name, array in gradient.items()}
        moved = self.optimizer.apply_gradients(scaled, before)
        for name, share in scales.items():
            moved[name] = before[name] + share * (moved[name] - before[name])
        self.model.put(moved)

    def _answers(self, rows: Sequence[Encoded], start: Weights) -> Any:
        """Return what the starting version says at each place of some rows."""
        now = self.model.weights()
        self.model.put(start)
        found = mx.softmax(self.model.logits(rows)[0], axis=-1)
        mx.eval(found)
        self.model.put(now)
        return found

    def _gradient(self, loss: Callable[[Any], Any]) -> Weights:
        _, gradient = nn.utils.value_and_grad(self.model.whole, loss)(self.model.whole)
        flat: Any = tree_flatten(gradient)
        mx.eval(dict(flat))
        return dict(flat)

    def _loss_of(self, text: Encoded) -> Callable[[Any], Any]:
        return lambda _: self.model.nats([text])

    def _scales(self, old: Sequence[Encoded]) -> Weights:
        """Return by weight the share of the rate that it gets: half at the mean importance."""
        squares: Weights = {}
        for text in old[:: max(1, len(old) // TRAINED)]:
            for name, gradient in self._gradient(self._loss_of(text)).items():
                squares[name] = squares.get(name, 0.0) + gradient * gradient
        found = {name: 1.0 / (1.0 + a / (a.mean() + 1e-20)) for name, a in squares.items()}
        mx.eval(found)
        return found

    def _take(self, points: Sequence[Weights], files: Sequence[File]) -> None:
        """Take the point with the lowest mean loss over the tune rows of each file."""
        losses = []
        for point in points:
            self.model.put(point)
            losses.append(mean(self.model.loss(file.tune) for file in files))
        self.model.put(points[losses.index(min(losses))])


def measured(base: Path, way: str, seed: int) -> dict[str, Any]:
    """Train the stream in one way and return its figures."""
    began_s = perf_counter()
    chance = random.Random(seed)
    model = Model(base, seed)
    files = read_files(TextEncoder.load(base), chance)
    optimizer = AdamW(learning_rate=RATE)
    run = Run(model, way, optimizer, chance)
    base_losses = [model.loss(file.judge) for file in files]
    course = []
    for number, file in enumerate(files):
        run.train(file, files[:number])
        course.append([model.loss(one.judge) for one in files])
    return {
        "way": way,
        "seed": seed,
        "base": base_losses,
        "course": course,
        "seconds": perf_counter() - began_s,
    }


def read_files(encoder: TextEncoder, chance: random.Random) -> list[File]:
    """Return the four files."""
    size = TRAINED + TUNE + JUDGE
    things = [(colour, thing) for colour in COLOURS for thing in THINGS]
    maps = [dict(zip(COLOURS, chance.sample(ROOMS, len(COLOURS)), strict=True)) for _ in FORMS]
    found = []
    for number in (0, 1, 2, 0):
        some = [things.pop(chance.randrange(len(things))) for _ in range(size)]
        made = [row(colour, it, FORMS[number], maps[number][colour]) for colour, it in some]
        texts = encoder.encode([as_example(one) for one in made], 512)
        rows = [text for text in texts if isinstance(text, Encoded)]
        tune = TRAINED + TUNE
        found.append(File(rows[:TRAINED], rows[TRAINED:tune], rows[tune:]))
    return found


def report(lines: Sequence[dict[str, Any]]) -> list[str]:
    """Return a table of the ways, means over seeds."""
    names = ("way", "seeds", "own, after", "all, at the end", "worst above the best", "seconds")
    found = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for way in WAYS:
        its = [line for line in lines if line["way"] == way]
        if not its:
            continue
        columns: list[Callable[[dict[str, Any]], float]] = [_own, _all, _worst, _seconds]
        cells = [f"{mean(column(line) for line in its):.3f}" for column in columns]
        found.append("| " + " | ".join([way, str(len(its)), *cells]) + " |")
    return found


def _own(line: dict[str, Any]) -> float:
    return float(mean(after[number] for number, after in enumerate(line["course"])))


def _all(line: dict[str, Any]) -> float:
    return float(mean(line["course"][-1]))


def _worst(line: dict[str, Any]) -> float:
    course: list[list[float]] = line["course"]
    return max(
        course[-1][number] - min(after[number] for after in course[number:])
        for number in range(len(course))
    )


def _seconds(line: dict[str, Any]) -> float:
    return float(line["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--way", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seed", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("relatives.jsonl"))
    parser.add_argument("--base", type=Path, help="where the tiny model lies, or is to lie")
    parser.add_argument("--report", action="store_true", help="only print what stands in --out")
    chosen = parser.parse_args()
    lines = (
        [json.loads(line) for line in chosen.out.read_text().splitlines()]
        if (chosen.out.exists())
        else []
    )
    known = {(line["way"], line["seed"]) for line in lines}
    wanted = [(w, s) for s in chosen.seed for w in chosen.way if (w, s) not in known]
    with tempfile.TemporaryDirectory(prefix="finetuned-relatives-") as folder:
        base = chosen.base or Path(folder) / "base"
        for way, seed in [] if chosen.report else wanted:
            if not base.exists():
                make_word_model(base)
            lines.append(measured(base, way, seed))
            with chosen.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps(lines[-1]) + "\n")
    print("\n".join(report(lines)))


if __name__ == "__main__":
    main()
