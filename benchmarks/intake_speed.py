"""Measures intake: reading, duplicates and look-ups, each beside what people would use instead.

    python -m benchmarks.intake_speed [ROWS.jsonl] [--rows 100000]

ROWS.jsonl holds real rows in any format; without it the shipped examples are repeated with their
numbers changed. Every figure is a ratio of two sides that ran in turns in this one process.
"""

import argparse
import gc
import json
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from rapidfuzz import fuzz

from daemon.core.rows.examples import Chat, Example
from daemon.core.rows.formats import DEFAULT, Good, recognise
from daemon.dedup.boilerplate import SAMPLE, Boilerplate
from daemon.dedup.index import Index
from daemon.dedup.judging import Judge
from daemon.dedup.sealing import Sealer, own_words, question_of
from daemon.dedup.segments import Segment, cached
from daemon.dedup.within import compare
from daemon.folders.queue.fingerprints import KEY, Keys
from daemon.folders.queue.seen import SeenFolder
from daemon.intake.lines import LineSource
from daemon.intake.looking import Rows, look
from daemon.intake.parsing import RowRules, strict_rows
from daemon.intake.tally import Tally

RULES = RowRules(32, 8 << 20, DEFAULT)
SHIPPED = Path(__file__).parent.parent / "examples" / "smart_home.jsonl"
PLANTED = 0.02
TURNS = 3


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=Path, nargs="?")
    parser.add_argument("--rows", type=int, default=100_000, dest="count")
    parser.add_argument("--theirs", type=int, default=10_000, help="rows datasketch is given")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        planted = plant(asked.rows or SHIPPED, path, asked.count)
        size = path.stat().st_size
        print(
            f"{asked.count} rows, {size / asked.count:.0f} bytes each, {len(planted)} planted pairs"
        )
        reading(path)
        duplicates(path, planted, asked.theirs)
        lookups(Path(folder))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


# --- the rows ----------------------------------------------------------------------------------


def plant(source: Path, target: Path, count: int) -> dict[int, int]:
    """Write real rows, some of them again in other courtesy; return which is the copy of which.

    Their answers are sentences of their own, the same in a row and in its copy: then one of the
    two repeats the other, by the rule, and how many of them are found says how much is missed.
    """
    rng = random.Random(3)
    rows = [orjson.loads(line) for line in source.read_bytes().splitlines() if line.strip()]
    pairs: dict[int, int] = {}
    with target.open("wb") as file:
        for number in range(count):
            of = rng.randrange(number) if number > 50 and rng.random() < PLANTED else number
            row = answered(number_row(rows, pairs.get(of, of)), pairs.get(of, of))
            if of != number:
                row, pairs[number] = edited(row, rng), pairs.get(of, of)
            file.write(json.dumps(row).encode() + b"\n")
    return pairs


def answered(row: Any, number: int) -> Any:
    """Return a row with an answer in prose; plain text has none."""
    row = orjson.loads(orjson.dumps(row))
    text = f"That is done for you now, and the note about it stands in the log as entry {number}."
    if "messages" in row:
        row["messages"][-1] = {"role": "assistant", "content": text}
    for key in ("completion", "answer", "output", "response"):
        if key in row:
            row[key] = text
    return row


def number_row(rows: list[Any], number: int) -> Any:
    """Return a row; in later rounds over the source with a number that makes it another one."""
    row, turn = rows[number % len(rows)], number // len(rows)
    return row if turn == 0 else with_question(row, lambda text: f"{text} (case {turn})")


def with_question(row: Any, change: Callable[[str], str]) -> Any:
    """Return a row with its last question changed."""
    row = orjson.loads(orjson.dumps(row))
    if "messages" in row:
        asked = [m for m in row["messages"] if m["role"] == "user"][-1]
        asked["content"] = change(asked["content"])
    else:
        key = next(
            key for key in ("prompt", "question", "input", "instruction", "text") if key in row
        )
        row[key] = change(row[key])
    return row


def edited(row: Any, rng: random.Random) -> Any:
    """Return a row whose question is put in other courtesy, case or punctuation."""

    def change(text: str) -> str:
        match rng.randrange(4):
            case 0:
                return rng.choice(("Please ", "Hello, ", "Hi there, please ")) + text
            case 1:
                return text.rstrip(".?! ") + rng.choice((", please", ", thanks!", ", thank you."))
            case 2:
                return text[:1].upper() + text[1:]
            case _:
                return text.rstrip(".?! ") + rng.choice(("?", "!", ".", " ..."))

    return with_question(row, change)


# --- reading -----------------------------------------------------------------------------------


def reading(path: Path) -> None:
    """Compare strict reading with a bare loop over orjson.loads."""

    def bare() -> int:
        count = 0
        with path.open("rb") as file:
            for line in file:
                orjson.loads(line)
                count += 1
        return count

    def strict() -> int:
        found = (strict_rows(block, RULES) for block in LineSource(path, RULES.max_bytes).blocks())
        return sum(len(rows) for rows in found if rows is not None)

    theirs, ours = in_turns(bare, strict)
    tell("strict reading, duplicate keys included", ours, "bare orjson.loads", theirs)


# --- duplicates --------------------------------------------------------------------------------


def duplicates(path: Path, planted: dict[int, int], theirs_count: int) -> None:
    """Compare parse, validation, fingerprint, near duplicates and index with json + datasketch."""
    ours, found = timed(lambda: ours_of(path))
    count = sum(1 for _ in path.open("rb"))
    recall = sum(copy in found for copy in planted) / max(1, len(planted))
    print(f"  ours: {count / ours:.0f} rows/s, {recall:.3f} of the planted repetitions found")
    theirs, their_recall = timed(lambda: theirs_of(path, planted, theirs_count))
    rate = theirs_count / theirs
    print(f"  json + datasketch: {rate:.0f} rows/s, {their_recall:.3f} found ({theirs_count} rows)")
    tell("rows a second with near duplicates", count / ours, "json + datasketch", rate)


def ours_of(path: Path) -> set[int]:
    """Return the rows that intake finds to be another one's twin."""
    with tempfile.TemporaryFile() as rejected:
        rows = look(path, RULES, Tally(rejected), lambda _: None)
    places = list(range(len(rows)))
    sealer = Sealer()
    sample = rows.examples(places[:: max(1, len(places) // SAMPLE)])
    shared = Boilerplate.find([own_words(example) for example in sample], 0.5)
    keys = np.concatenate(list(sealed(rows, places, sealer, shared)))
    result = compare(keys, lambda at: next(rows.examples([at])), Judge(sealer), "keep")
    Segment.build(["job"], [keys])
    twins = {place for place, twin in result.dropped.items()} | {
        twin.of for twin in result.dropped.values()
    }
    return twins | {place for pair in result.conflicts for place in pair[:2]}


def sealed(rows: Rows, places: list[int], sealer: Sealer, shared: Boilerplate) -> Iterator[Keys]:
    for begin in range(0, len(places), 512):
        batch = places[begin : begin + 512]
        questions = [
            question_of(e, rows.key(p)) for p, e in zip(batch, rows.examples(batch), strict=True)
        ]
        yield sealer.keys(questions, shared)


def theirs_of(path: Path, planted: dict[int, int], count: int) -> float:
    """Return the recall of MinHash LSH in memory, over the first rows."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=0.7, num_perm=128)
    texts: list[str] = []
    hits = wanted = 0
    with path.open() as file:
        for number, line in enumerate(file):
            if number == count:
                break
            text = question_text(json.loads(line))
            texts.append(text)
            sketch = MinHash(num_perm=128)
            sketch.update_batch({text[at : at + 5].encode() for at in range(max(1, len(text) - 4))})
            near = [at for at in index.query(sketch) if fuzz.ratio(text, texts[at]) >= 85]
            index.insert(number, sketch)
            if number in planted:
                wanted += 1
                hits += planted[number] in near
    return hits / max(1, wanted)


def question_text(row: Any) -> str:
    found = recognise(row, DEFAULT)
    assert isinstance(found, Good)
    example: Example = found.example
    if isinstance(example, Chat):
        return "\n".join(turn.content for turn in example.turns if turn.role == "user").lower()
    return example.text.lower()


# --- look-ups ----------------------------------------------------------------------------------


def lookups(folder: Path) -> None:
    """Compare look-ups in an index of a million rows with one of ten thousand."""
    rng = np.random.default_rng(5)
    rates = {}
    for rows in (10_000, 1_000_000):
        keys = random_keys(rng, rows)
        store = SeenFolder(folder / str(rows), "train")
        Segment.build(["job"], [keys]).write(store)
        began = time.perf_counter()
        index = Index(list(cached(store)))
        opening = time.perf_counter() - began
        asked = np.concatenate([keys[:5000], random_keys(rng, 45_000)])
        runs = []
        for _ in range(TURNS):
            began = time.perf_counter()
            assert len(index.exact(asked)) == 5000 <= len(index.near(asked))
            runs.append(time.perf_counter() - began)
        rates[rows] = len(asked) / statistics.median(runs)
        size = sum(path.stat().st_size for path in (folder / str(rows)).rglob("*.npy"))
        print(f"  index of {rows}: opened in {opening:.3f} s, {rates[rows]:.0f} rows looked up a")
        print(f"  second, {size / rows:.0f} bytes a row on disk")
    tell("look-ups in 1,000,000 rows", rates[1_000_000], "in 10,000 rows", rates[10_000])


def random_keys(rng: np.random.Generator, count: int) -> Keys:
    keys = np.zeros(count, KEY)
    for name in ("hi", "lo", "content", "answer"):
        keys[name] = rng.integers(0, 2**63, count, np.uint64)
    keys["bands_v2"] = rng.integers(0, 2**32, keys["bands_v2"].shape, np.uint32)
    keys["row"] = np.arange(count)
    return keys


# --- time --------------------------------------------------------------------------------------


def in_turns(theirs: Callable[[], int], ours: Callable[[], int]) -> tuple[float, float]:
    """Run two sides in turns and return the median rates, in rows a second."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        for side, found in zip((theirs, ours), rates, strict=True):
            seconds, count = timed(side)
            found.append(count / seconds)
    return statistics.median(rates[0]), statistics.median(rates[1])


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def tell(what: str, ours: float, other: str, theirs: float) -> None:
    print(f"{what}: {ours:.0f} a second; {other}: {theirs:.0f}; ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    # As the intake worker does: rows hold no cycles.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    main()
