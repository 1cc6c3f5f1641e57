"""What a run should take over from the one before it, and how much it should replay: measured.

A stream of small files of two kinds is trained file after file under each policy, with the real
model. The first column is the mean loss on each file's own hold-out just after it was trained, the
second that on all hold-outs at the end; both in nats per token, the mean of the seeds.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from daemon.core.rows.examples import from_record
from daemon.core.training.packing import lay_out
from daemon.core.training.plan import Plan, draws_of, mix
from daemon.core.training.schedule import Schedule, rate
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model.bases import prepare
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.mlx import MlxEngine
from daemon.training.engine.protocol import EncodedPass

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
HELD = 12


@dataclass(frozen=True)
class Policy:
    """What is carried on, and the share of replayed rows."""

    name: str
    carried: dict[str, Any] = field(default_factory=dict)
    replay: float = 0.0


CLIMB = {"carry_schedule": "decay"}

POLICIES = (
    Policy("moments kept, no climb"),
    Policy("moments kept, short climb", CLIMB),
    Policy("moments kept, warm-up again", {"carry_schedule": "reset"}),
    Policy("moments halved, short climb", CLIMB | {"carry_moments": "decay"}),
    Policy("moments fresh, short climb", CLIMB | {"carry_moments": "reset"}),
    Policy("moments and step fresh", {"carry_moments": "reset", "carry_step": "reset"}),
    Policy("kept, replay 0.1", replay=0.1),
    Policy("kept, replay 0.25", replay=0.25),
)


@dataclass(frozen=True)
class File:
    """One dropped file, as tokens."""

    train: Sequence[Encoded]
    held: Sequence[Encoded]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=6)
    parser.add_argument("--rows", type=int, default=48, help="training rows of a file")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", default="", help="policies with these words in their names")
    parser.add_argument("--layers", type=int, default=8)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        layout = Layout(Path(folder))
        layout.bases.mkdir(parents=True)
        base = layout.base(prepare(layout, "smollm2-135m").name)
        files = read_files(base, chosen.files, chosen.rows)
        engine = MlxEngine()
        seeds = f"{chosen.seeds} seed(s) from {chosen.first_seed}"
        print(f"{chosen.files} files of {chosen.rows} rows, {seeds}")
        print(f"{'policy':<30} {'own, after':>10} {'all, at the end':>16}", flush=True)
        for policy in (policy for policy in POLICIES if chosen.only in policy.name):
            found = [
                stream(engine, base, files, policy, seed, chosen.layers, Path(folder))
                for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds)
            ]
            own, end = np.mean(found, axis=0)
            print(f"{policy.name:<30} {own:10.3f} {end:16.3f}", flush=True)


def read_files(base: Path, count: int, rows: int) -> list[File]:
    """Return files of two kinds in turn."""
    kinds = [read_rows(base, name) for name in ("smart_home", "syllables")]
    size = rows + HELD
    found = []
    for number in range(count):
        # Two files of the first kind for each of the second: a stream that drifts and returns.
        kind = kinds[1] if number % 3 == 2 else kinds[0]
        start = number // 3 * size if number % 3 == 2 else (number - number // 3) * size
        part = kind[start : start + size]
        if len(part) < size:
            sys.exit(f"the examples have too few rows for {count} files of {rows} rows")
        found.append(File(part[:rows], part[rows:]))
    return found


def read_rows(base: Path, name: str) -> list[Encoded]:
    """Return the rows of an example file as tokens."""
    examples = []
    for line in (EXAMPLES / f"{name}.jsonl").read_bytes().splitlines():
        record = json.loads(line)
        if "prompt" in record:
            asked = {"role": "user", "content": record["prompt"]}
            said = {"role": "assistant", "content": record["completion"]}
            record = {"messages": [asked, said]}
        examples.append(from_record(record))
    found = TextEncoder.load(base).encode(examples, 2**20)
    return [row for row in found if isinstance(row, Encoded)]


def stream(
    engine: MlxEngine,
    base: Path,
    files: Sequence[File],
    policy: Policy,
    seed: int,
    layers: int,
    scratch: Path,
) -> tuple[float, float]:
    """Train all files one after another; return the two losses."""
    training = TrainingSettings(
        num_layers=layers, row_tokens=256, pass_tokens=256, **policy.carried
    )
    spec = AdapterSpec("lora", training.rank, training.effective_scale, 0.0, layers, ())
    start: Path | None = None
    step, own = 0, []
    for number, file in enumerate(files):
        engine.load(base, spec, training, start, seed, scratch, None)
        earlier = [row for other in files[:number] for row in other.train]
        step = train(engine, file, earlier, policy, training, seed, step)
        own.append(loss(engine, [file]))
        start = Path(tempfile.mkdtemp(dir=scratch))
        engine.save(start)
    return float(np.mean(own)), loss(engine, files)


def train(
    engine: MlxEngine,
    file: File,
    earlier: Sequence[Encoded],
    policy: Policy,
    training: TrainingSettings,
    seed: int,
    step: int,
) -> int:
    """Train one file as a run does; return the step after it."""
    draws = draws_of(len(file.train), training.epochs, policy.replay) if earlier else 0
    generator = np.random.default_rng(seed + step)
    replayed = [earlier[place] for place in generator.integers(0, max(1, len(earlier)), draws)]
    lengths = [len(row.tokens) for row in file.train]
    plan = Plan(lengths, training.batch_rows, training.epochs, mix(seed, step), draws)
    schedule = Schedule(
        training.peak_rate,
        training.warmup_steps,
        training.rewarm_steps,
        training.decay_share,
        training.decay_floor,
        training.carry_schedule,
    )
    for index in range(plan.steps):
        batch = plan.batch(index)
        step += 1
        passes = [
            *packed(engine, file.train, batch.own, batch.epoch < training.epochs),
            *packed(engine, replayed, batch.replayed, again=False),
        ]
        engine.step(passes, rate(schedule, step, index + 1, plan.steps), mix(seed, "step", step))
    return step


def packed(
    engine: MlxEngine, rows: Sequence[Encoded], numbers: Sequence[int], again: bool
) -> Iterator[EncodedPass]:
    """Give the passes of some rows."""
    for item in lay_out(numbers, [len(row.tokens) for row in rows], engine.shapes):
        yield EncodedPass(
            item.width, tuple(tuple(rows[text] for text in row) for row in item.rows), again
        )


def loss(engine: MlxEngine, files: Sequence[File]) -> float:
    """Return the mean over files of the loss on their hold-outs."""
    found = []
    for file in files:
        scored = engine.losses(file.held)
        found.append(sum(total for total, _ in scored) / sum(count for _, count in scored))
    return float(np.mean(found))


if __name__ == "__main__":
    main()
