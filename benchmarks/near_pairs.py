"""Says of labelled pairs of rows how many are removed rightly, and lists removed rows to label.

    python -m benchmarks.near_pairs
    python -m benchmarks.near_pairs --removed ROWS.jsonl ... [--count 600] [--seed 11]

    python -m benchmarks.near_pairs --preferences dpo_en_demo.json ... [--seed 11]
    python -m benchmarks.near_pairs --two-models ONE.json OTHER.json [--seed 11]

`labelled_pairs.jsonl` has pairs of rows, each labelled `same` or `different` by a person:
*different* means that who asked would miss something in the row that stays. Each pair is put into
a file of 40 other rows. `removed_rows.tsv` has the labels of rows that were removed from sets which
are not shipped, by the line of the row and of the one that stayed; `--removed` prints such rows, a
sample of them by seed, so that another may label them again. `--preferences` and `--two-models` do
so for sets with two independent answers to each question, the second one put in other courtesy
(`courteous.py`); the lines are then numbers of these rows. A planted file tells how many
repetitions in other words are found.
"""

import argparse
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson

from benchmarks.courteous import preference_rows, two_models_rows
from benchmarks.planted import constant, contradicting, planted, sampled
from daemon.core.rows.examples import Chat, Example, Turn, last_question
from daemon.core.rows.fingerprint import key_of
from daemon.core.rows.formats import Good, recognise
from daemon.dedup.boilerplate import Boilerplate
from daemon.dedup.judging import Judge
from daemon.dedup.sealing import Sealer, answers_of, question_of
from daemon.dedup.within import Within, compare

HERE = Path(__file__).parent
LABELLED = HERE / "labelled_pairs.jsonl"
REMOVED = HERE / "removed_rows.tsv"
FILLERS = 40
SEEDS = range(8)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--removed", type=Path, nargs="+", default=[])
    parser.add_argument("--preferences", type=Path, nargs="+", default=[])
    parser.add_argument("--two-models", type=Path, nargs=2, default=[])
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=11)
    asked = parser.parse_args()
    sets = {path.name: _unique(path) for path in asked.removed}
    for path in asked.preferences:
        sets[path.name] = list(enumerate(preference_rows(path, asked.seed)))
    if asked.two_models:
        one, other = asked.two_models
        sets[f"{one} and {other}"] = list(enumerate(two_models_rows(one, other, asked.seed)))
    if sets:
        show_removed(sets, asked.count, asked.seed)
        return
    labelled()
    read()
    plant()


def read() -> None:
    """Print the labels of removed rows that were read, by the set they come from."""
    lines = [line.split("\t") for line in REMOVED.read_text().splitlines()[1:]]
    for name in dict.fromkeys(line[0] for line in lines):
        labels = Counter(line[3] for line in lines if line[0] == name)
        share = labels["different"] / labels.total()
        print(f"removed rows of {name}: {labels.total()}, {share:.1%} of them different")


def dropped(examples: Sequence[Example]) -> Within:
    """Compare the rows of a file as intake does, equal ones left out before."""
    sealer = Sealer()
    questions = [question_of(example) for example in examples]
    keys = sealer.keys(questions, Boilerplate.find([one.words for one in questions], 0.5))
    keys["row"] = np.arange(len(examples))
    return compare(keys, examples.__getitem__, Judge(sealer), "keep")


def labelled() -> None:
    """Print how many of the labelled pairs are removed, by label and by kind."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in LABELLED.read_bytes().splitlines():
        pair = orjson.loads(line)
        rows = [_row(*row) for row in pair["rows"]]
        gone = bool(dropped([*rows, *(_filler(n) for n in range(FILLERS))]).dropped)
        counts[pair["label"], "removed" if gone else "kept"] += 1
        if gone != (pair["label"] == "same"):
            print(f"  {pair['label']} and {'removed' if gone else 'kept'}: {pair['rows']}")
    same, wrong = counts["same", "removed"], counts["different", "removed"]
    print(
        f"labelled pairs: {sum(counts.values())}; of {same + wrong} removed {wrong} are different; "
        f"{same} of {same + counts['same', 'kept']} repetitions are found"
    )


def plant() -> None:
    """Print how many planted repetitions are found, and what other files lose."""
    for seed in SEEDS:
        rows, again = planted(seed)
        found = {frozenset((at, twin.of)) for at, twin in dropped(rows).dropped.items()}
        wanted = {frozenset(pair) for pair in again.items()}
        print(
            f"planted, seed {seed}: {len(found & wanted)} of {len(wanted)} found, "
            f"{len(found - wanted)} others removed"
        )
    for name, rows in (
        ("sampled", sampled()),
        ("constant", constant()),
        ("contradicting", contradicting()),
    ):
        print(f"{name}: {len(dropped(rows).dropped)} of {len(rows)} removed")


def show_removed(sets: Mapping[str, list[tuple[int, Example]]], count: int, seed: int) -> None:
    """Print a sample of the rows that are removed and are not equal, each with the one kept."""
    found = []
    for name, examples in sets.items():
        gone = dropped([example for _, example in examples]).dropped
        found += [(name, examples[at], examples[twin.of]) for at, twin in sorted(gone.items())]
    for name, (line, row), (of, kept) in random.Random(seed).sample(found, min(count, len(found))):
        print(f"{name}\t{line}\t{of}\t?")
        for word, example in (("removed", row), ("kept", kept)):
            print(f"  {word}: {last_question(example)!r}\n    -> {answers_of(example)!r}")


def _unique(path: Path) -> list[tuple[int, Example]]:
    """Return the rows of a file that are equal to none before, with their lines."""
    rows: dict[bytes, tuple[int, Example]] = {}
    data = path.read_bytes()
    items = orjson.loads(data) if data[:1] == b"[" else map(orjson.loads, data.splitlines())
    for number, item in enumerate(items, 1):
        found = recognise(item)
        if isinstance(found, Good):
            rows.setdefault(key_of(found.example), (number, found.example))
    return list(rows.values())


def _row(system: str, question: str, answer: str) -> Chat:
    turns = (Turn("user", question), Turn("assistant", answer))
    return Chat((Turn("system", system), *turns) if system else turns)


def _filler(number: int) -> Chat:
    return _row("", f"How high is tower {number}?", f"{number} m")


if __name__ == "__main__":
    main()
