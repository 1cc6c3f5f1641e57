"""What a lineage remembers after ten files: the daemon's gate and replay beside plain training.

    python -m benchmarks.streams [--stream NAME …] [--arm ARM …] [--seed N …] [--files 10]
    python -m benchmarks.streams --report

The real daemon with the real model trains each stream of files, one after another, in these ways:
`daemon` (its defaults), `plain` (no replay, nothing refused or merged), `joint` (all rows as one
file) and `alone` (each file by itself from the base). One way, stream and seed is a unit of some
minutes on two quiet cores and one line of `--out`; what stands there is not made again. The base is
prepared once, in `--base`. Every file has exam rows of its own that the daemon never sees; after a
unit the benchmark scores every promoted version on those of all files so far. The report counts, of
each file at the end: its loss above the best that any promoted version had of it, and the share
that is left of what it gains when it is trained alone.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Any

import tomlkit

from benchmarks.adapter_losses import AdapterLosses
from benchmarks.real_rows import Row, as_example, chat, commands, puzzles, questions, write
from daemon.core.training.forgetting import Tolerance
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model.bases import prepare
from daemon.settings import Settings, TrainingSettings
from daemon.text.encoder import Encoded, TextEncoder

ROWS = 40
"""In a file, before half of them are held out."""

LAYERS, LONGEST = 4, 256
"""Trained layers, and the tokens of the longest row."""

SETTINGS: dict[str, dict[str, Any]] = {
    "inbox": {"settle_s": 0.1},
    "intake": {"pictures": False},
    "run": {"gather_rows": 1, "loss_curve": False},
    "holdout": {"share": 0.5},
    "training": {
        "epochs": 4,
        "num_layers": LAYERS,
        "max_row_tokens": LONGEST,
        "row_tokens": LONGEST,
    },
    "evaluation": {"eval_every": 0, "samples": 0, "judge_rows": 48, "judge_samples": 0},
}
"""Nothing is answered, which takes most of the time, and no row length is measured."""

ARMS: dict[str, dict[str, dict[str, Any]]] = {
    "daemon": {},
    "plain": {
        "replay": {"share": 0.0, "most_share": 0.0},
        "gate": {"tries": 1, "forgetting": 10.0, "min_effect": 10.0, "floor": 1.0, "merge": False},
    },
    "joint": {"gate": {"min_effect": 10.0}},
    "alone": {"gate": {"min_effect": 10.0}},
}

TOLERANCE = Tolerance(0.05, 0.1)
LEAST_KEPT = 0.8


@dataclass(frozen=True)
class StreamFile:
    """One file of a stream."""

    rows: list[Row]
    exam: list[Row]
    """Of the same kind; the daemon never sees them."""


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
    scoring_s: float = 0.0
    """Seconds of them for the exam rows."""


class Source:
    """Rows of one subject, which the files of a stream take in turn."""

    def __init__(self, chance: random.Random, rows: Sequence[Row], exam: int) -> None:
        """Each file has so many exam rows: more where answers are short."""
        self._rows = list(rows)
        chance.shuffle(self._rows)
        self._exam = exam

    def take(self, count: int) -> list[Row]:
        """Return rows that nobody has taken."""
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken

    def file(self, count: int = ROWS) -> StreamFile:
        """Return a file of so many rows."""
        return StreamFile(self.take(count), self.take(self._exam))


Stream = Callable[[random.Random, int], list[StreamFile]]


def alternating(chance: random.Random, files: int) -> list[StreamFile]:
    """Return files of four subjects in turn."""
    sources = [
        Source(chance, commands(), 24),
        Source(chance, puzzles(), 48),
        Source(chance, _faq("en", 400), 12),
        Source(chance, _faq("sv", 350), 12),
    ]
    return [sources[number % 4].file() for number in range(files)]


def growing(chance: random.Random, files: int) -> list[StreamFile]:
    """Return files of two subjects, each longer than the one before."""
    sources = [Source(chance, commands(), 24), Source(chance, _faq("en", 400), 12)]
    return [sources[number % 2].file(ROWS + 3 * number) for number in range(files)]


PAIRS = (
    ("HassClimateSetTemperature", "HassGetWeather"),
    ("HassLightSet", "HassVacuumStart"),
    ("HassMediaPause", "HassTurnOn"),
    ("HassShoppingListAddItem", "HassSetVolume"),
    ("HassMediaUnpause", "HassTurnOff"),
)
"""Functions of two files: the second one corrects the answers of the first of them."""


def contradicting(chance: random.Random, files: int) -> list[StreamFile]:
    """Return files of which every second one corrects answers of the one before.

    All that calls one function has another form from then on, in the exam rows of both.
    """
    found: list[StreamFile] = []
    for pair in PAIRS[: (files + 1) // 2]:
        source = Source(chance, [row for row in commands() if _function(row) in pair], 24)
        first, second = source.file(), source.file(ROWS // 2)
        corrected = [_corrected(row, pair[0]) for row in first.rows if _function(row) == pair[0]]
        rows = [*corrected, *(_corrected(row, pair[0]) for row in second.rows)]
        for its, exam in ((first.rows, first.exam), (rows, second.exam)):
            found.append(StreamFile(its, [_corrected(row, pair[0]) for row in exam]))
    return found[:files]


def one_subject(chance: random.Random, files: int) -> list[StreamFile]:
    """Return files of one subject."""
    source = Source(chance, _faq("en", 1000), 9)
    return [source.file() for _ in range(files)]


STREAMS: dict[str, Stream] = {
    "alternating": alternating,
    "growing": growing,
    "contradicting": contradicting,
    "one-subject": one_subject,
}


def _faq(language: str, most: int) -> list[Row]:
    """Return questions and answers of so many characters at most."""
    # A few questions stand there twice.
    pairs = {asked.lower(): (asked, answer) for _, asked, answer in questions(language)}
    return [chat(pair) for pair in pairs.values() if len(pair[0]) + len(pair[1]) <= most]


def _function(row: Row) -> str:
    return str(json.loads(row["messages"][-1]["content"])["name"])


def _corrected(row: Row, function: str) -> Row:
    """Return a command whose call has another form, if it calls this function."""
    *before, answer = row["messages"]
    call = json.loads(answer["content"])
    if call["name"] != function:
        return row
    changed = json.dumps({"call": call["name"], "with": call["arguments"]})
    return {"messages": [*before, {**answer, "content": changed}]}


def trained(unit: tuple[str, str, int], files: list[StreamFile], root: Path, base: Path) -> Unit:
    """Train a stream in one way, and score it."""
    began_s = perf_counter()
    stream, arm, seed = unit
    names = [f"{number:02}" for number in range(len(files))]
    layout = _workspace(arm, seed, root, base)
    if arm == "joint":
        write([row for file in files for row in file.rows], layout.inbox / "00.jsonl")
        _drain(root)
    for name, file in zip(names, files, strict=True):
        if arm == "alone":
            (layout.control / "lineage").write_text("new\n")
        if arm != "joint":
            write(file.rows, layout.inbox / f"{name}.jsonl")
        if arm == "alone":
            _drain(root)
    if arm not in ("joint", "alone"):
        _drain(root)
    trained_s = perf_counter()
    ends = _scored(layout, arm, base, dict(zip(names, files, strict=True)))
    ended_s = perf_counter()
    return Unit(stream, arm, seed, ended_s - began_s, tuple(ends), ended_s - trained_s)


def _workspace(arm: str, seed: int, root: Path, base: Path) -> Layout:
    """Make a workspace of an arm, with the prepared base."""
    layout = Layout(root)
    for folder in (layout.inbox, layout.control):
        folder.mkdir(parents=True)
    shutil.copytree(Layout(base).bases, layout.bases, copy_function=os.link)
    names = dict.fromkeys([*SETTINGS, *ARMS[arm]])
    tables = {name: {**SETTINGS.get(name, {}), **ARMS[arm].get(name, {})} for name in names}
    tables["training"]["seed"] = seed
    layout.settings_file.write_text(tomlkit.dumps(tables))
    return layout


def _drain(root: Path) -> None:
    argv = [sys.executable, "-m", "daemon", "run", "--root", str(root), "--until-idle"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"the daemon ended with {done.returncode}:\n{done.stdout[-3000:]}")


def _scored(
    layout: Layout, arm: str, base: Path, files: Mapping[str, StreamFile]
) -> Iterator[FileEnd]:
    """Give the end of each file, by its exam rows."""
    (folder,) = (path for path in Layout(base).bases.iterdir() if path.is_dir())
    encoder, chosen = TextEncoder.load(folder), TrainingSettings()
    exams = {name: _encoded(encoder, file.exam) for name, file in files.items()}
    spec = AdapterSpec("lora", chosen.rank, chosen.effective_scale, 0.0, LAYERS, ())
    scorer = AdapterLosses(folder, spec, exams)
    untrained = scorer.of(None, exams)
    course: dict[str, list[float]] = {name: [] for name in files}
    promoted: set[str] = set()
    for version in sorted(layout.versions.glob("v*"))[1:]:
        manifest = json.loads((version / "manifest.json").read_bytes())
        own = {job.split("-", 1)[1] for job in manifest["job_ids"]}
        if not manifest["promotes"]:
            continue
        promoted |= set(files) if arm == "joint" else own
        seen = files if arm == "joint" else own if arm == "alone" else promoted
        for name, loss in scorer.of(version / "adapters.safetensors", seen).items():
            course[name].append(loss)
    for name, losses in course.items():
        best, last = (min(losses), losses[-1]) if losses else (None, None)
        yield FileEnd(name, name in promoted, untrained[name], best, last)


def _encoded(encoder: TextEncoder, rows: Sequence[Row]) -> list[Encoded]:
    found = encoder.encode([as_example(row) for row in rows], LONGEST)
    return [row for row in found if isinstance(row, Encoded)]


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
    parser.add_argument("--base", type=Path, default=Path(tempfile.gettempdir()) / "finetuned-base")
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
        prepare(Layout(chosen.base), Settings().model)
        # Beside the base: it is linked, not copied.
        with tempfile.TemporaryDirectory(prefix="stream-", dir=chosen.base) as folder:
            unit = trained((stream, arm, seed), files, Path(folder) / "w", chosen.base)
        with chosen.out.open("a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(unit)) + "\n")
        print(f"{stream}, {arm}, seed {seed}: {unit.seconds / 60:.1f} minutes", file=sys.stderr)
    print("\n".join(report(done_units(chosen.out))))


if __name__ == "__main__":
    main()
