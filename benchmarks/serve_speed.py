"""The server beside `mlx_lm.server`: waits, tokens per second, two versions at once, equal texts.

    python -m benchmarks.serve_speed [--rounds 2] [--tokens 48] [--questions 8]

Both servers are asked in turn, each a process of its own, with the same base, the same adapters and
the same OpenBLAS; both are warm, answer greedily and keep what they have read of a conversation.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

from tokenizers import Tokenizer

from benchmarks import machine
from benchmarks.real_rows import long_rows, short_chats
from benchmarks.serve_sides import Heard, Side, Turns, ours, theirs
from benchmarks.sides import run

SAME = 0.95
"""Least share of equal answers: now and then two words are equally likely within rounding."""

CLIENTS = 4
SHORT = 8
"""Tokens of the answers of clients that alternate."""


@dataclass(frozen=True)
class Row:
    """One figure of one side in one round."""

    value: float
    heard: tuple[str, ...] = ()


Measure = Callable[[Side], dict[str, Row]]


@dataclass(frozen=True)
class Wanted:
    """How a figure is shown and compared."""

    unit: str
    ratio: float | None
    """Of the sides, the better one first; None where only ours is wanted."""
    most: float | None = None

    def line(self, name: str, mine: float, its: float) -> str:
        """Return a line of the table."""
        if self.ratio is None:
            shown, wanted = "-", f"< {self.most:g} {self.unit}"
            reached = self.most is not None and mine < self.most
        else:
            ratio = its / mine if self.unit == "ms" else mine / its
            shown, wanted = f"{ratio:.2f}", f">= {self.ratio:g}"
            reached = ratio >= self.ratio
        verdict = "" if reached else " (missed)"
        return (
            f"| {name} | {mine:.1f} {self.unit} | {its:.1f} {self.unit} | {shown} "
            f"| {wanted}{verdict} |"
        )


TABLE = {
    "first word, one client": Wanted("ms", 1.0),
    "one client": Wanted("tokens/s", 1.0),
    "first word, four clients": Wanted("ms", 1.0),
    "four clients": Wanted("tokens/s", 1.0),
    "first word after a long prompt": Wanted("ms", 1.0),
    "first word of a conversation's later turns": Wanted("ms", 1.0),
    "four clients that alternate between two versions": Wanted("tokens/s", 10.0),
    "change between two versions in memory": Wanted("ms", None, 50.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--questions", type=int, default=8)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetuned-bench-") as folder:
        found = json.loads(run(["-m", "benchmarks.served", folder]).splitlines()[-1])
        bench = Bench(found, asked.tokens, asked.questions)
        rounds: list[tuple[dict[str, Row], dict[str, Row]]] = []
        load = machine.load()
        for _ in range(asked.rounds):
            with ours(found) as mine, theirs(found) as its:
                rounds.append(bench.compared(mine, its))
    print(f"SmolLM2-135M, {found['blas']}, load {load} before and {machine.load()} after")
    report([mine for mine, _ in rounds], [its for _, its in rounds])


def report(mine: list[dict[str, Row]], its: list[dict[str, Row]]) -> None:
    """Print the table; exit with 1 where the sides say different things."""
    print("\n| what | finetuned | mlx_lm.server | ratio | wanted |")
    print("| --- | --- | --- | --- | --- |")
    for name, wanted in TABLE.items():
        values = [statistics.median(one[name].value for one in side) for side in (mine, its)]
        print(wanted.line(name, *values))
    pairs = [
        pair
        for one, other in zip(mine, its, strict=True)
        for name in TABLE
        for pair in zip(one[name].heard, other[name].heard, strict=True)
    ]
    same = sum(one == other for one, other in pairs) / len(pairs)
    print(f"\nThe same texts: {same:.1%} of {len(pairs)}")
    if same < SAME:
        sys.exit("FAIL: the answers are not the same")


class Bench:
    """The questions, and what is measured with them."""

    def __init__(self, found: dict[str, Any], tokens: int, questions: int) -> None:
        self._versions: list[str] = found["versions"]
        self._tokens = tokens
        self._tokenizer = Tokenizer.from_file(str(Path(found["base"]) / "tokenizer.json"))
        chats = [row["messages"][:-1] for row in short_chats(5 * questions + 2)]
        self._warm, chats = chats[:2], chats[2:]
        parts = [chats[at : at + questions] for at in range(0, 5 * questions, questions)]
        self._alone, self._together, self._talks, self._both, self._changes = parts
        self._long = [row["messages"][:-1] for row in long_rows(4)]

    def compared(self, mine: Side, its: Side) -> tuple[dict[str, Row], dict[str, Row]]:
        """Return all figures of two fresh servers, measured in turn: one rests meanwhile."""
        found: tuple[dict[str, Row], dict[str, Row]] = ({}, {})
        for side in (mine, its):
            self.warm(side)
        for measure in self.measures():
            for side, figures in zip((mine, its), found, strict=True):
                figures |= measure(side)
        return found

    def warm(self, side: Side) -> None:
        """Let a fresh server load what it needs."""
        for version in self._versions:
            for turns in self._warm:
                side.ask(version, turns, 4)

    def measures(self) -> list[Measure]:
        """Return what is measured, each of one side at a time, in order."""
        return [self._one, self._four, self._after_long, self._later, self._mixed, self._change]

    def _one(self, side: Side) -> dict[str, Row]:
        heard = [side.ask(self._versions[0], turns, self._tokens) for turns in self._alone]
        whole_s = sum(one.whole_s for one in heard)
        return {
            "first word, one client": _firsts(heard),
            "one client": Row(self._count(heard) / whole_s),
        }

    def _four(self, side: Side) -> dict[str, Row]:
        asked = [(self._versions[0], turns) for turns in self._together]
        heard, whole_s = self._at_once(side, asked, self._tokens)
        return {
            "first word, four clients": _firsts(heard),
            "four clients": Row(self._count(heard) / whole_s),
        }

    def _after_long(self, side: Side) -> dict[str, Row]:
        heard = [side.ask(self._versions[0], turns, SHORT) for turns in self._long]
        return {"first word after a long prompt": _firsts(heard)}

    def _later(self, side: Side) -> dict[str, Row]:
        heard = [heard for turns in self._talks[:4] for heard in self._talk(side, turns)]
        return {"first word of a conversation's later turns": _firsts(heard)}

    def _mixed(self, side: Side) -> dict[str, Row]:
        asked = [(self._versions[n % 2], turns) for n, turns in enumerate(self._both)]
        heard, whole_s = self._at_once(side, asked, SHORT)
        texts = tuple(one.text for one in heard)
        return {
            "four clients that alternate between two versions": Row(
                self._count(heard) / whole_s, texts
            )
        }

    def _change(self, side: Side) -> dict[str, Row]:
        return {"change between two versions in memory": Row(self._change_ms(side))}

    def _at_once(
        self, side: Side, asked: list[tuple[str, Turns]], most: int
    ) -> tuple[list[Heard], float]:
        """Return the answers that four clients get, and how long they took together."""
        began_s = perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            heard = list(clients.map(lambda one: side.ask(one[0], one[1], most), asked))
        return heard, perf_counter() - began_s

    def _talk(self, side: Side, turns: Turns) -> list[Heard]:
        """Return the second and third answer of a conversation."""
        found = []
        talk = list(turns)
        for more in ("Say it in other words.", "Why is that so?"):
            said = side.ask(self._versions[0], talk, self._tokens)
            talk += [{"role": "assistant", "content": said.text}, {"role": "user", "content": more}]
            found.append(side.ask(self._versions[0], talk, SHORT))
        return found

    def _change_ms(self, side: Side) -> float:
        """Return how much later a word comes when the version is another than just before.

        Every question is asked of each version once before, so that neither has to read it.
        """
        for turns in self._changes:
            for version in self._versions:
                side.ask(version, turns, 1)
        order = [self._versions[number // 2 % 2] for number in range(2 * len(self._changes))]
        waits: dict[bool, list[float]] = {True: [], False: []}
        side.ask(order[0], self._changes[0], 1)
        for number, (before, version) in enumerate(pairwise(order)):
            turns = self._changes[number % len(self._changes)]
            waits[before != version].append(side.ask(version, turns, 1).whole_s)
        return 1e3 * (statistics.median(waits[True]) - statistics.median(waits[False]))

    def _count(self, heard: list[Heard]) -> int:
        return sum(len(self._tokenizer.encode(one.text).ids) for one in heard)


def _firsts(heard: list[Heard]) -> Row:
    wait_s = statistics.median(one.first_s for one in heard)
    return Row(1e3 * wait_s, tuple(one.text for one in heard))


if __name__ == "__main__":
    main()
