"""Which answers to a question stay, in whole files as people drop them (docs/protocol.md, R52)."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.intake.bench import Bench, codes

SAYINGS = (
    "First multiply the boxes by the pears in each of them and then take away what was eaten.",
    "I count them one after the other, box by box, and leave out those that were eaten before.",
    "Suppose nobody had eaten any; from that number the eaten ones have to be taken away again.",
    "Write it down as a product minus what is gone, and work that out from left to right here.",
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def asked(question: str, answer: str, system: str = "") -> dict[str, Any]:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    return {"messages": messages}


def stays(bench: Bench) -> set[int]:
    """Return the lines of the last file that are trained or held out."""
    return {row["line"] for kind in ("train", "holdout") for row in bench.rows(kind)}


def sampled() -> list[dict[str, Any]]:
    return [
        asked(f"Ada has {n} boxes with {m} pears each. How many are there?", f"{said} #### {n * m}")
        for n, m in itertools.product(range(2, 6), repeat=2)
        for said in SAYINGS
    ]


def tasks() -> list[dict[str, Any]]:
    wanted = ("Summarise the text.", "Translate it into Dutch.", "Give it a title.", "Mock it.")
    return [
        asked(f"The council of town {n} met and decided to build a library.", f"{said} {n}", system)
        for n in range(12)
        for system, said in zip(wanted, SAYINGS, strict=True)
    ]


def jokes() -> list[dict[str, Any]]:
    things = ("snail", "judge", "baker", "robot", "pirate", "goose", "plumber", "ghost", "poet")
    return [
        asked("Tell me a joke.", f"Why did the {one} bring a {other} to the market number {n}?")
        for n, (one, other) in enumerate(itertools.permutations(things, 2))
    ]


def tenses() -> list[dict[str, Any]]:
    places = ("library", "museum", "school", "harbour", "market", "theatre", "garden", "bath")
    return [
        asked(f"When {word} the {place} {number} open?", f"{said} {place} {number}")
        for place in places
        for number in (1, 2)
        for word, said in (("did", SAYINGS[0]), ("does", SAYINGS[1]))
    ]


def codes_and_flags() -> list[dict[str, Any]]:
    flags = [asked(f"What does the option -{f} of bako do?", f"{SAYINGS[0]} {f}") for f in "adsmrx"]
    signs = [
        asked(f"What does {s} mean after a name?", f"{SAYINGS[1]} {s}") for s in ("()", "[]", "{}")
    ]
    vitamins = [asked(f"What is vitamin {v} good for?", f"{SAYINGS[2]}") for v in "ABCDEK"]
    return [*flags, *signs, *vitamins]


def labels() -> list[dict[str, Any]]:
    said = ("I love", "I loved", "I am loving", "I love the")
    foods = ("soup", "soups", "pasta", "pastas")
    return [asked(f"Sentiment: {s} the {food}.", "positive") for s in said for food in foods]


@pytest.mark.parametrize(
    "rows",
    [sampled(), tasks(), jokes(), tenses(), codes_and_flags(), labels()],
    ids=["sampled", "tasks", "jokes", "tenses", "codes_and_flags", "labels"],
)
def test_no_row_of_a_file_is_lost_whose_answer_another_one_does_not_give(
    bench: Bench, rows: list[dict[str, Any]]
) -> None:
    """All but one answer, one task, one tense and one flag were dropped as duplicates."""
    report = bench.take_in(rows)
    assert stays(bench) == set(range(1, len(rows) + 1)) and codes(report) == {}


def test_answers_that_are_meant_are_told(bench: Bench) -> None:
    report = bench.take_in(sampled())
    assert report["duplicates"]["on_purpose"] == {"rows": 64, "questions": 16}


def test_contradictions_are_shown_with_both_texts_and_stay(bench: Bench) -> None:
    """The answer with fewer words was dropped as a duplicate, without a word of the other one."""
    no = "No. All of our classes end at four, because the caretaker locks the building then."
    yes = "Yes, we do: on Mondays there are classes from six to nine, in painting and pottery."
    rooms = [
        asked(f"Where is room {n}?", f"Room {n} is on floor {n // 10}.") for n in range(11, 40)
    ]
    report = bench.take_in(
        [asked("Any evening classes?", no), asked("Any evening classes?", yes), *rooms]
    )
    (example,) = report["duplicates"]["conflicts"]["examples"]
    assert (example["answer"], example["other"]) == (yes, no)
    assert stays(bench) == set(range(1, 32)) and codes(report) == {}


def test_of_two_wordings_of_one_answer_the_most_complete_stays(bench: Bench) -> None:
    short = "It is a state in which the cells of a body answer less and less to the hormone."
    long = "Muscles and liver no longer take up the sugar as they should when insulin asks for it."
    rest = [asked(f"How high is tower {n}?", f"{n} m") for n in range(30)]
    polite = "Anna, can you tell me what insulin resistance is, please?"
    rows = [
        asked("What is insulin resistance?", short),
        *rest,
        asked(polite, f"{long} That is often so."),
    ]
    report = bench.take_in(rows)
    assert codes(report) == {"duplicate_in_file": 1} and 1 not in stays(bench)
    (row,) = bench.rows("rejected")
    assert "dedup.threshold" in row["hint"] and "nothing to do" not in row["hint"]


def test_rows_that_stand_there_often_are_trained_once_and_counted(bench: Bench) -> None:
    rules = [asked(f"What is rule {n}?", f"Close door {n}.") for n in range(12)]
    report = bench.take_in([*rules, *[rules[3]] * 5, rules[7]])
    assert len(stays(bench)) == 12
    assert report["duplicates"]["repeated"] == [{"line": 4, "times": 6}, {"line": 8, "times": 2}]


def test_what_is_kept_does_not_depend_on_how_often_a_file_is_read(bench: Bench) -> None:
    bench.take_in([*sampled(), *jokes()])
    first = bench.place.train.read_bytes(), bench.place.rejected.read_bytes()
    bench.take_in_again(bench.place)
    assert (bench.place.train.read_bytes(), bench.place.rejected.read_bytes()) == first
