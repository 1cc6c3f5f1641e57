"""How many harmful files the gate refuses, and how many clean ones it lets through: 60 streams.

    python -m benchmarks.planted_harm [--seed N …] [--harm KIND …] [--out planted_harm.jsonl]
    python -m benchmarks.planted_harm --report

A lineage learns from clean files where things of each colour are. Then come files of the same kind,
on questions that no earlier file asked, whose answers were shuffled, were emptied to a full stop,
or never end: each is one more stream, as one that is refused leaves nothing behind. At last comes a
clean one. The real daemon trains each with its defaults on a tiny model
(`benchmarks/word_model.py`). A seed is one line of `--out`; what stands there is not made again.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import tomlkit

from benchmarks.real_rows import write
from benchmarks.word_model import (
    COLOURS,
    FORMS,
    ROOMS,
    THINGS,
    Row,
    answered,
    make_word_model,
    row,
)
from daemon.layout import Layout

ROWS = 110
"""In a file."""
SEEDS = range(1, 21)
LEAST_REFUSED, LEAST_PROMOTED = 0.95, 0.9
HARMS = ("shuffled", "emptied", "endless")
ENDLESS_WORDS = 40
RATES = (3e-3, 1e-3)
"""Learning rates, one for each second seed: a tiny model needs more than a real one."""
SUITE, SUITE_ITEMS = "rooms", 40

SETTINGS: dict[str, dict[str, Any]] = {
    "inbox": {"settle_s": 0.1},
    "intake": {"pictures": False},
    "run": {"gather_rows": 1, "loss_curve": False},
    "holdout": {"share": 0.3},
    "training": {"epochs": 10, "max_row_tokens": 64, "num_layers": 2},
    "evaluation": {"eval_every": 0, "samples": 0, "max_new_tokens": 16},
}


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    seed: int
    place: int
    """The first file of a stream is 1."""
    kind: str
    """`clean`, or how it was harmed."""
    outcome: str
    """Of its job: `trained`, `not_promoted`, or why it was not trained."""
    tries: int
    reason: str

    @property
    def promoted(self) -> bool:
        """Whether the model learned from it."""
        return self.outcome == "trained"


def world(chance: random.Random) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the room of each colour, and every thing of each colour in some order."""
    rooms = dict(zip(COLOURS, chance.sample(ROOMS, len(COLOURS)), strict=True))
    things = [(colour, thing) for colour in COLOURS for thing in THINGS]
    return rooms, chance.sample(things, len(things))


def clean(chance: random.Random, rooms: dict[str, str], things: list[tuple[str, str]]) -> list[Row]:
    """Return a file of true answers."""
    return [row(colour, it, chance.choice(FORMS), rooms[colour]) for colour, it in things]


def harmed(chance: random.Random, kind: str, rows: list[Row]) -> list[Row]:
    """Return the file with harmed answers."""
    questions = [its["messages"][0]["content"] for its in rows]
    answers = [its["messages"][1]["content"] for its in rows]
    if kind == "shuffled":
        answers = chance.sample(answers, len(answers))
    elif kind == "emptied":
        answers = ["."] * len(answers)
    else:
        answers = [f"{answer[:-2]}{' very' * ENDLESS_WORDS}" for answer in answers]
    return [answered(*pair) for pair in zip(questions, answers, strict=True)]


def stream(
    chance: random.Random, seed: int, kinds_of_harm: Sequence[str]
) -> tuple[list[tuple[str, list[Row]]], list[Row]]:
    """Return a stream: two or three clean files, each harm in some order, a clean file; and rows
    of a suite."""
    rooms, things = world(chance)
    harms = [HARMS[(seed + number) % len(HARMS)] for number in range(len(HARMS))]
    harms = [harm for harm in harms if harm in kinds_of_harm]
    kinds = [*["clean"] * (2 + seed % 2), *harms, "clean"]
    files = [clean(chance, rooms, things[n * ROWS : (n + 1) * ROWS]) for n in range(len(kinds))]
    dropped = [
        (kind, rows if kind == "clean" else harmed(chance, kind, rows))
        for kind, rows in zip(kinds, files, strict=True)
    ]
    return dropped, clean(chance, rooms, things[-SUITE_ITEMS:])


def outcomes(seed: int, base: Path, root: Path, harms: Sequence[str] = HARMS) -> list[Outcome]:
    """Train a stream; a harmful file that is refused leaves the next one where it began."""
    files, items = stream(random.Random(seed), seed, harms)
    layout = workspace(root, base, seed)
    write_suite(layout, items)
    for place, (kind, rows) in enumerate(files, 1):
        path = layout.inbox / f"{place}-{kind}.jsonl"
        write(rows, path)
        os.utime(path, (place, place))
    argv = [sys.executable, "-m", "daemon", "run", "--root", str(root), "--until-idle"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"the daemon ended with {done.returncode}:\n{done.stdout[-3000:]}")
    manifests = [json.loads(path.read_bytes()) for path in layout.versions.glob("*/manifest.json")]
    return [_outcome(layout, seed, n, kind, manifests) for n, (kind, _) in enumerate(files, 1)]


def _outcome(layout: Layout, seed: int, place: int, kind: str, manifests: list[Any]) -> Outcome:
    (card,) = layout.queue.glob(f"*/*-{place}-{kind}/job.json")
    job = json.loads(card.read_bytes())
    mine = [one for one in manifests if card.parent.name in one["job_ids"]]
    tries = sum(1 + len((one.get("try") or {}).get("before", ())) for one in mine)
    reasons = [reason for one in mine for reason in one["verdict_reasons"]]
    why = "; ".join(reasons) or str(job.get("reason"))
    return Outcome(seed, place, kind, job["outcome"], tries, why)


def workspace(root: Path, base: Path, seed: int) -> Layout:
    """Make a workspace with the tiny model and no suites."""
    layout = Layout(root)
    layout.inbox.mkdir(parents=True)
    layout.evals.mkdir()
    tables: dict[str, Any] = {name: dict(table) for name, table in SETTINGS.items()}
    tables["training"]["seed"] = seed
    tables["training"]["learning_rate"] = RATES[seed % 2]
    tables["evaluation"]["suites"] = []
    if seed % 4 == 0:
        # Nothing is held out: the suite alone covers what was learned.
        tables["holdout"]["share"] = 0.0
        tables["evaluation"]["suites"] = [SUITE]
    layout.settings_file.write_text(tomlkit.dumps({"model": str(base), **tables}))
    return layout


def write_suite(layout: Layout, rows: list[Row]) -> None:
    """Write a suite of questions that no file asks."""
    head: dict[str, Any] = {
        "suite": SUITE,
        "title": "Rooms",
        "task": "say where it is",
        "scorer": "exact",
    }
    head |= {"answer_field": "answers", "difficulty": "easy", "licence": "CC0-1.0"}
    head |= {"origin": "made by rules", "max_tokens": 16}
    texts = [[message["content"] for message in its["messages"]] for its in rows]
    items = [{"id": f"r{n}", "prompt": q, "answers": [a]} for n, (q, a) in enumerate(texts)]
    write([head, *items], layout.evals / f"{SUITE}.jsonl")


def report(found: list[Outcome]) -> Iterator[str]:
    """Return a table of all files, in lines."""
    yield "| files | judged | promoted | refused | second tries |"
    yield "| --- | --- | --- | --- | --- |"
    for kind in ("clean", *HARMS):
        its = [one for one in found if one.kind == kind]
        promoted = sum(one.promoted for one in its)
        again = sum(one.tries > 1 for one in its)
        yield f"| {kind} | {len(its)} | {promoted} | {len(its) - promoted} | {again} |"
    harm = [not one.promoted for one in found if one.kind != "clean"]
    good = [one.promoted for one in found if one.kind == "clean"]
    if harm and good:
        refused, promoted_share = sum(harm) / len(harm), sum(good) / len(good)
        fine = refused >= LEAST_REFUSED and promoted_share >= LEAST_PROMOTED
        yield ""
        yield f"refused {refused:.1%} of {len(harm)} harmful files, wanted {LEAST_REFUSED:.0%}; "
        yield f"promoted {promoted_share:.1%} of {len(good)} clean ones, wanted "
        yield f"{LEAST_PROMOTED:.0%}: {'as wanted' if fine else 'FAIL'}"


def done(path: Path) -> list[Outcome]:
    """Return what stands in a file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [Outcome(**one) for line in lines for one in json.loads(line)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--harm", nargs="+", choices=HARMS, default=list(HARMS))
    parser.add_argument("--out", type=Path, default=Path("planted_harm.jsonl"))
    parser.add_argument("--base", type=Path, help="where the tiny model lies, or is to lie")
    parser.add_argument("--report", action="store_true", help="only print what stands in --out")
    chosen = parser.parse_args()
    known = {one.seed for one in done(chosen.out)}
    with tempfile.TemporaryDirectory(prefix="finetuned-harm-") as scratch:
        base = chosen.base or Path(scratch) / "base"
        for seed in [] if chosen.report else sorted(set(chosen.seed) - known):
            if not base.exists():
                make_word_model(base)
            began_s = perf_counter()
            found = outcomes(seed, base, Path(scratch) / f"{seed}", chosen.harm)
            shutil.rmtree(Path(scratch) / f"{seed}")
            with chosen.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps([asdict(one) for one in found]) + "\n")
            print(f"seed {seed}: {perf_counter() - began_s:.0f} s", file=sys.stderr)
    print("\n".join(report(done(chosen.out))))


if __name__ == "__main__":
    main()
