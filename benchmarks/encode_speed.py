"""Measures template, tokens and mask beside mlx-lm's ChatDataset, and compares what they give.

    python -m benchmarks.encode_speed [ROWS.jsonl] [--base DIR] [--rows 3000]

DIR is a prepared model directory, as `models/base/smollm2-135m` in a workspace.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from mlx_lm.tuner.datasets import ChatDataset
from mlx_lm.utils import load_tokenizer

from benchmarks.sides import prepare
from daemon.core.rows.examples import Chat
from daemon.core.rows.formats import Good, recognise
from daemon.text.encoder import Encoded, TextEncoder

SHIPPED = Path(__file__).parent.parent / "examples" / "smart_home.jsonl"
TURNS = 3
LONG = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path)
    parser.add_argument("rows", type=Path, nargs="?", default=SHIPPED)
    parser.add_argument("--rows", type=int, default=3000, dest="count")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        measure(asked, asked.base or Path(prepare(Path(folder))["base"]))


def measure(asked: argparse.Namespace, base: Path) -> None:
    """Time both sides and compare what they give."""
    lines = asked.rows.read_bytes().splitlines()[: asked.count]
    rows = [orjson.loads(line) for line in lines]
    examples = [found.example for found in map(recognise, rows) if isinstance(found, Good)]
    encoder = TextEncoder.load(base)
    theirs = ChatDataset(rows, load_tokenizer(base), mask_prompt=True)
    ours_s, theirs_s = in_turns(
        lambda: [encoder.encode(examples[at : at + 512], LONG) for at in range(0, len(rows), 512)],
        lambda: [theirs.process(row) for row in rows],
    )
    print(
        f"{len(rows)} rows: {len(rows) / ours_s:.0f} a second; mlx_lm ChatDataset: "
        f"{len(rows) / theirs_s:.0f}; ratio {theirs_s / ours_s:.2f}"
    )
    its = [theirs.process(row) for row in rows]
    print(agreement(encoder.encode(examples, LONG), its, examples))


def in_turns(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """Return the median seconds of both sides, run in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(TURNS):
        for side, found in zip((ours, theirs), seconds, strict=True):
            began = time.perf_counter()
            side()
            found.append(time.perf_counter() - began)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def agreement(mine: list[Any], its: list[Any], examples: list[Any]) -> str:
    """Say how many rows have equal tokens, and equal masks where there is one answer."""
    tokens = masks = single = 0
    for item, (ids, offset), example in zip(mine, its, examples, strict=True):
        assert isinstance(item, Encoded) and isinstance(example, Chat)
        # mlx-lm appends the end-of-text token after the template's own last token.
        same = item.tokens.tolist() == list(ids)[: len(item.tokens)]
        tokens += same
        if same and sum(turn.role == "assistant" for turn in example.turns) == 1:
            single += 1
            masks += int(np.argmax(item.supervised)) == offset
    return f"equal tokens: {tokens} of {len(mine)}; equal masks of one answer: {masks} of {single}"


if __name__ == "__main__":
    main()
