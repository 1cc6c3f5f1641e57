"""Compares the search for near duplicates with difflib over all pairs of real prompts.

    python -m benchmarks.near_pairs ROWS.jsonl ... [--most 1000]

For each file: the pairs whose difflib ratio is at least 0.85, those of them that are one question
by the rule, how many of these the search proposes, and the least difflib ratio of all it joins.
"""

import argparse
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path

import numpy as np
import orjson
from rapidfuzz import fuzz, process

from daemon.core.rows.formats import Good, recognise
from daemon.dedup.index import Index
from daemon.dedup.likeness import same_question
from daemon.dedup.sealing import Sealer, question_of
from daemon.dedup.segments import Segment
from daemon.dedup.wording import split, users_words


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=1000)
    asked = parser.parse_args()
    print("file | prompts | ratio >= 0.85 | one question | proposed | recall | least ratio joined")
    for path in asked.files:
        found = [recognise(orjson.loads(line)) for line in path.read_bytes().splitlines()]
        examples = [item.example for item in found if isinstance(item, Good)][: asked.most]
        tell(path.name, examples)


def tell(name: str, examples: list) -> None:  # type: ignore[type-arg]
    """Print one line about a file."""
    sealer = Sealer()
    texts = [" ".join(split(users_words(example))).casefold() for example in examples]
    wordings = [sealer.wording(example) for example in examples]
    near = process.cdist(texts, texts, scorer=fuzz.ratio, score_cutoff=85, workers=-1) >= 85
    keys = sealer.keys([question_of(example) for example in examples])
    keys["row"] = np.arange(len(examples))
    index = Index([Segment.build(["all"], [keys])])
    proposed = {
        (min(one, other.row), max(one, other.row))
        for one, several in index.near(keys).items()
        for other in several
        if other.row != one
    }
    ratios = {
        pair: SequenceMatcher(None, texts[pair[0]], texts[pair[1]], autojunk=False).ratio()
        for pair in combinations(range(len(texts)), 2)
        if near[pair]
    }
    same = {pair for pair in ratios if same_question(wordings[pair[0]], wordings[pair[1]])}
    wanted = {pair for pair in same if ratios[pair] >= 0.85}
    joined = same & proposed
    recall = len(wanted & proposed) / len(wanted) if wanted else 1.0
    least = min((ratios[pair] for pair in joined), default=1.0)
    high = sum(ratio >= 0.85 for ratio in ratios.values())
    figures = (len(texts), high, len(wanted), len(proposed), f"{recall:.4f}", f"{least:.3f}")
    print(" | ".join(map(str, (name, *figures))))


if __name__ == "__main__":
    main()
