"""What a lineage remembers after ten files: the daemon's gate and replay beside plain training.

    python -m benchmarks.streams [--stream NAME …] [--arm ARM …] [--seed N …] [--files 10]
    python -m benchmarks.streams --report

The real daemon with the real model trains each stream of files, one after another, in these ways:
`daemon` (its defaults), `plain` (no replay, nothing refused), `joint` (all files in the inbox at
once) and `alone` (each file by itself from the base). One way, stream and seed is a unit of some
minutes on two quiet cores and one line of `--out`; what stands there is not made again. The report
counts, of each file at the end: the loss on its exam rows above the best that any version had of
it, and the share that is left of what it gains when it is trained alone.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import tomlkit

from benchmarks.real_rows import Row, chat, commands, puzzles, questions, write
from daemon.core.training.forgetting import LineageLosses, Tolerance
from daemon.layout import Layout
from daemon.training.records.holdout_losses import read_losses

ROWS = 40
"""In a file, before half of them are held out."""

SETTINGS: dict[str, dict[str, Any]] = {
    "inbox": {"settle_s": 0.1},
    "intake": {"pictures": False},
    "run": {"gather_rows": 1, "loss_curve": False},
    "holdout": {"share": 0.5},
    "training": {"epochs": 4, "num_layers": 8, "max_row_tokens": 512},
    "evaluation": {"eval_every": 0, "judge_rows": 1000, "judge_samples": 0},
}
"""Many exam rows a file, all measured in each run; no answers, which take most of the time."""

ARMS: dict[str, dict[str, dict[str, Any]]] = {
    "daemon": {},
    "plain": {
        "replay": {"share": 0.0, "most_share": 0.0},
        "gate": {"tries": 1, "forgetting": 10.0, "min_effect": 10.0, "floor": 1.0},
    },
    "joint": {"gate": {"min_effect": 10.0}},
    "alone": {"gate": {"min_effect": 10.0}},
}

TOLERANCE = Tolerance(0.05, 0.1)
LEAST_KEPT = 0.8


@dataclass(frozen=True)
class FileEnd:
    """One file of a stream, after the last one."""

    name: str
    promoted: bool
    base: float | None
    """Loss on its exam rows, nats per token."""
    best: float | None
    """The lowest that a promoted version had."""
    last: float | None


@dataclass(frozen=True)
class Unit:
    """One stream, trained in one way with one seed."""

    stream: str
    arm: str
    seed: int
    seconds: float
    files: tuple[FileEnd, ...]


Stream = Callable[[random.Random, int], list[list[Row]]]


def alternating(chance: random.Random, files: int) -> list[list[Row]]:
    """Return files of four subjects in turn."""
    sources = [_shuffled(chance, rows) for rows in (commands(), puzzles(), _faq("en"), _faq("sv"))]
    turns = [sources[n % 4][n // 4 * ROWS : (n // 4 + 1) * ROWS] for n in range(files)]
    return [rows for rows in turns if rows]


def growing(chance: random.Random, files: int) -> list[list[Row]]:
    """Return files of two subjects, each longer than the one before."""
    sources = [_shuffled(chance, rows) for rows in (commands(), _faq("en"))]
    found, taken = [], [0, 0]
    for number in range(files):
        size = ROWS // 2 + 5 * number
        begin = taken[number % 2]
        found.append(sources[number % 2][begin : begin + size])
        taken[number % 2] += size
    return found


def contradicting(chance: random.Random, files: int) -> list[list[Row]]:
    """Return files of which every second one corrects half of the answers of the one before."""
    rows = _shuffled(chance, commands())
    found: list[list[Row]] = []
    for number in range(files):
        if number % 2 == 0:
            found.append(rows[number * ROWS : (number + 1) * ROWS])
            continue
        corrected = [_corrected(row) for row in found[-1][: ROWS // 2]]
        found.append([*corrected, *rows[number * ROWS : number * ROWS + ROWS // 2]])
    return found


def one_subject(chance: random.Random, files: int) -> list[list[Row]]:
    """Return files of one subject."""
    rows = _shuffled(chance, _faq("en"))
    return [rows[n * ROWS : (n + 1) * ROWS] for n in range(files)]


STREAMS: dict[str, Stream] = {
    "alternating": alternating,
    "growing": growing,
    "contradicting": contradicting,
    "one-subject": one_subject,
}


def _faq(language: str) -> list[Row]:
    return [chat((asked, answer)) for _, asked, answer in questions(language)]


def _shuffled(chance: random.Random, rows: list[Row]) -> list[Row]:
    found = list(rows)
    chance.shuffle(found)
    return found


def _corrected(row: Row) -> Row:
    """Return a command whose call has another form from now on."""
    *before, answer = row["messages"]
    call = json.loads(answer["content"])
    changed = json.dumps({"call": call.get("name"), "with": call.get("arguments")})
    return {"messages": [*before, {**answer, "content": changed}]}


def trained(stream: str, arm: str, seed: int, files: list[list[Row]], root: Path) -> Unit:
    """Train a stream in one way."""
    began_s = perf_counter()
    if arm == "alone":
        ends = [
            _ends([rows], arm, seed, root / f"{number}", [f"{number:02}"])[0]
            for number, rows in enumerate(files)
        ]
    else:
        ends = _ends(files, arm, seed, root, [f"{number:02}" for number in range(len(files))])
    return Unit(stream, arm, seed, perf_counter() - began_s, tuple(ends))


def _ends(
    files: list[list[Row]], arm: str, seed: int, root: Path, names: Sequence[str]
) -> list[FileEnd]:
    layout = Layout(root)
    layout.inbox.mkdir(parents=True)
    tables = {name: {**SETTINGS.get(name, {}), **ARMS[arm].get(name, {})} for name in _tables(arm)}
    tables["training"]["seed"] = seed
    layout.settings_file.write_text(tomlkit.dumps(tables))
    drops = [(f"{name}.jsonl", rows) for name, rows in zip(names, files, strict=True)]
    if arm == "joint":
        # Files of one run: each keeps its own exam.
        for name, rows in drops:
            write(rows, layout.inbox / name)
        _drain(root)
    else:
        for name, rows in drops:
            write(rows, layout.inbox / name)
            _drain(root)
    current = Path(os.readlink(layout.current_model)).name
    losses = read_losses(layout.version(current))
    return [_end(layout, losses, name) for name in names]


def _tables(arm: str) -> list[str]:
    return list(dict.fromkeys([*SETTINGS, *ARMS[arm]]))


def _drain(root: Path) -> None:
    argv = [sys.executable, "-m", "daemon", "run", "--root", str(root), "--until-idle"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"the daemon ended with {done.returncode}:\n{done.stdout[-3000:]}")


def _end(layout: Layout, losses: LineageLosses, name: str) -> FileEnd:
    (card,) = layout.queue.glob(f"*/*-{name}/job.json")
    outcome = json.loads(card.read_bytes())["outcome"]
    rise = losses.rise(card.parent.name, "judge")
    if rise is None:
        return FileEnd(name, outcome == "trained", None, None, None)
    best = sum(its for _, its in rise.rows) / len(rise.rows)
    gained = rise.gained or 0.0
    return FileEnd(name, outcome == "trained", best + gained, best, best + rise.mean)


def done_units(path: Path) -> list[Unit]:
    """Return the units that stand in a file."""
    if not path.exists():
        return []
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Unit(**{**record, "files": tuple(FileEnd(**one) for one in record["files"])})
        for record in records
    ]


def report(units: list[Unit]) -> Iterator[str]:
    """Return a table of all units, in lines."""
    alone = {
        (unit.stream, unit.seed, file.name): file
        for unit in units
        if unit.arm == "alone"
        for file in unit.files
    }
    names = ("stream", "seed", "way", "promoted", "worst above the best", "within")
    yield "| " + " | ".join((*names, "kept, mean", "kept, least", "minutes")) + " |"
    yield "|" + " --- |" * (len(names) + 3)
    for unit in units:
        if unit.arm == "alone":
            continue
        measured = [file for file in unit.files if file.last is not None]
        above = [(file.last or 0.0) - (file.best or 0.0) for file in measured]
        within = sum(_within(file) for file in measured)
        kept = [
            share
            for file in measured
            if (share := _kept(file, alone.get((unit.stream, unit.seed, file.name)))) is not None
        ]
        promoted = sum(file.promoted for file in unit.files)
        yield (
            f"| {unit.stream} | {unit.seed} | {unit.arm} | {promoted} of {len(unit.files)} "
            f"| {max(above, default=0.0):+.3f} | {within} of {len(measured)} "
            f"| {_percent(kept, mean)} | {_percent(kept, min)} | {unit.seconds / 60:.0f} |"
        )


def _within(file: FileEnd) -> bool:
    assert file.base is not None and file.best is not None and file.last is not None
    return file.last - file.best <= TOLERANCE.of(file.base - file.best)


def _kept(file: FileEnd, alone: FileEnd | None) -> float | None:
    """Return the share that is left of what a file gains by itself."""
    if alone is None or alone.base is None or alone.last is None or file.last is None:
        return None
    gain = alone.base - alone.last
    return (alone.base - file.last) / gain if gain > 0 else None


def _percent(shares: list[float], of: Callable[[list[float]], float]) -> str:
    return f"{of(shares):.0%}" if shares else "-"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stream", nargs="+", choices=STREAMS, default=list(STREAMS))
    parser.add_argument("--arm", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seed", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("streams.jsonl"))
    parser.add_argument("--report", action="store_true", help="only print what stands in --out")
    chosen = parser.parse_args()
    known = {(unit.stream, unit.arm, unit.seed) for unit in done_units(chosen.out)}
    wanted = [
        (stream, arm, seed)
        for seed in chosen.seed
        for stream in chosen.stream
        for arm in chosen.arm
        if (stream, arm, seed) not in known
    ]
    for stream, arm, seed in [] if chosen.report else wanted:
        files = STREAMS[stream](random.Random(seed), chosen.files)
        with tempfile.TemporaryDirectory(prefix="finetuned-stream-") as folder:
            unit = trained(stream, arm, seed, files, Path(folder) / "w")
        with chosen.out.open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(unit)) + "\n")
        print(f"{stream}, {arm}, seed {seed}: {unit.seconds / 60:.1f} minutes", file=sys.stderr)
    print("\n".join(report(done_units(chosen.out))))


if __name__ == "__main__":
    main()
