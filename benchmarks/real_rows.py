"""Real rows for the benchmarks: commands, puzzles and questions about building; knows no model.

The questions are those of Zaragoza AB (CC BY 4.0), out of the package `zaragoza-construction-faq`.
"""

import json
import random
from importlib.resources import files
from pathlib import Path
from typing import Any

from daemon.core.rows.examples import Chat, Turn

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ENTRIES_OF_LONG = 4
"""Entries of the collection in a long row."""

TURNS = 10

Row = dict[str, Any]


def chat(*turns: tuple[str, str], system: str | None = None) -> Row:
    """Return a row of questions and answers in turn."""
    messages = [] if system is None else [{"role": "system", "content": system}]
    for asked, answer in turns:
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": answer})
    return {"messages": messages}


def as_example(row: Row) -> Chat:
    """Return a row as training reads it."""
    return Chat(tuple(Turn(turn["role"], turn["content"]) for turn in row["messages"]))


def commands() -> list[Row]:
    """Return 757 smart-home commands with their calls."""
    return _example_rows("smart_home.jsonl")


def puzzles() -> list[Row]:
    """Return 300 puzzles of syllables."""
    rows = _example_rows("syllables.jsonl")
    return [chat((row["prompt"], row["completion"])) for row in rows]


def questions(language: str = "en") -> list[tuple[str, str, str]]:
    """Return 503 questions about building: category, question, answer."""
    name = "faq.jsonl" if language == "sv" else f"faq-{language}.jsonl"
    data = (files("zaragoza_construction_faq") / "data" / name).read_bytes()
    rows = (json.loads(line) for line in data.splitlines())
    return [(row["category"], row["q"], row["a"]) for row in rows]


def short_chats(count: int) -> list[Row]:
    """Return commands, puzzles and short questions, mixed."""
    faq = [chat((asked, answer)) for _, asked, answer in questions()]
    return _mixed([commands(), puzzles(), faq], count)


def short_and_long(count: int) -> list[Row]:
    """Return three short rows for each long one."""
    short = short_chats(count - count // 4)
    return _shuffled([*short, *long_rows(count // 4)])


def long_rows(count: int) -> list[Row]:
    """Return rows of 300 to 900 tokens: long answers, and short ones to long questions, in turn."""
    entries = questions() + questions("sv")
    blocks = [entries[at : at + ENTRIES_OF_LONG] for at in range(0, len(entries), ENTRIES_OF_LONG)]
    found = []
    for number, block in enumerate(_shuffled(blocks)[:count]):
        known = "\n\n".join(f"{asked}\n{answer}" for _, asked, answer in block)
        if number % 2:
            _, asked, answer = block[0]
            found.append(chat((f"{known}\n\n{asked}", answer)))
        else:
            subjects = "\n".join(asked for _, asked, _ in block)
            found.append(chat((f"Answer all of these:\n{subjects}", known)))
    return found


def dialogues(count: int) -> list[Row]:
    """Return chats of ten commands or puzzles each."""
    found = []
    everything = _shuffled(commands()) + _shuffled(puzzles())
    for at in range(0, count * TURNS, TURNS):
        rows = everything[at : at + TURNS]
        system = next((m for row in rows for m in row["messages"] if m["role"] == "system"), None)
        turns = [m for row in rows for m in row["messages"] if m["role"] != "system"]
        found.append({"messages": turns if system is None else [system, *turns]})
    return found


def as_requests(dialogue: Row) -> list[Row]:
    """Return a chat as a server logs it: one row for each answer, with all that went before."""
    messages = dialogue["messages"]
    ends = [n + 1 for n, message in enumerate(messages) if message["role"] == "assistant"]
    return [{"messages": messages[:end]} for end in ends]


def write(rows: list[Row], path: Path) -> None:
    """Write rows as JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _example_rows(name: str) -> list[Row]:
    return [json.loads(line) for line in (EXAMPLES / name).read_bytes().splitlines()]


def _mixed(sources: list[list[Row]], count: int) -> list[Row]:
    """Return as many of each source."""
    drawn = [_shuffled(source)[: -(-count // len(sources))] for source in sources]
    return _shuffled([row for source in drawn for row in source])[:count]


def _shuffled(items: list[Any]) -> list[Any]:
    found = list(items)
    random.Random(11).shuffle(found)
    return found
