"""Short questions are known again however they are put, and innocent ones are not held up."""

from itertools import product
from pathlib import Path

import pytest

from daemon.dedup.short import ShortQuestions
from daemon.folders.suites import discover

SHIPPED = Path(__file__).resolve().parents[2] / "evals"


def likeness(one: str, other: str) -> str | None:
    short = ShortQuestions()
    short.add(7, one)
    found = short.find(other)
    assert all(place == 7 for place, _ in found)
    return found[0][1] if found else None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2+2?", "what is 2 + 2"),
        ("What is 2+2?", "Please, what is 2+2? Thank you!"),
        ("What is 7 - 3?", "What is 7-3?"),
        ("Name a gas.", "Could you please name a gas?"),
        ("What is the capital of France?", "WHAT IS THE CAPITAL OF FRANCE"),
        ("What is the capital of France?", "what's  the capital of France ??"),
        ("What is the capital of France?", "Hi! Can you tell me what the capital of France is?"),
        ("What is the capital of France?", "I would like to know: what is the capital of France?"),
        ("Dim the living room", "dim the livingroom please"),
        ("Rain?", "rain"),
        ("Which is larger: an ant or an elephant?", "Which is larger, an elephant or an ant?"),
        ("Is it red, green or blue?", "Is it blue, red, or green?"),
        ("Largest lake? A) Ladoga B) Onega", "Largest lake? (a) Onega (b) Ladoga"),
        ("Syllables: tumn / au\nWhich word?", "Syllables: au / tumn\n\nWhich word?"),
    ],
)
def test_case_punctuation_spacing_courtesy_and_the_order_of_choices_make_no_other_question(
    one: str, other: str
) -> None:
    assert likeness(one, other) == likeness(other, one) == "wording"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the capital of France?", "What is the captial of France?"),
        ("Who painted Las Meninas?", "who painted las menimas"),
    ],
)
def test_one_slip_of_spelling_is_found_in_few_words(one: str, other: str) -> None:
    assert likeness(one, other) == likeness(other, one) == "spelling"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2+2?", "What is 2+3?"),
        ("What is 2+2?", "What is 22?"),
        ("What is 7 - 3?", "What is 3 - 7?"),
        ("Next after 2, 4, 8?", "Next after 8, 4, 2?"),
        ("turn the lamp on", "turn the lamp off"),
        ("flights from Paris to Rome", "flights to Paris from Rome"),
        ("What is the capital of France?", "What is not the capital of France?"),
        ("What is the capital of France?", "What is the currency of France?"),
        ("Rain?", "Train?"),
        ("Can you swim?", "Can you see?"),
        ("Which is larger: an ant or a cat?", "Which is smaller: an ant or a cat?"),
        ("What is it?", "What was that for?"),
    ],
)
def test_another_word_number_or_direction_is_another_question(one: str, other: str) -> None:
    assert likeness(one, other) is None


def test_long_questions_are_left_to_the_signatures() -> None:
    long = "why " + " ".join(f"word{chr(97 + n)}" for n in range(25))
    assert likeness(long, long) is None


PLACES = (
    "Norway",
    "Peru",
    "Chad",
    "Nepal",
    "Malta",
    "Cuba",
    "Iran",
    "Oman",
    "Laos",
    "Fiji",
    "Togo",
    "Kenya",
    "Ghana",
)
THINGS = (
    "lamp",
    "oven",
    "heater",
    "radio",
    "door",
    "curtain",
    "sprinkler",
    "kettle",
    "printer",
    "alarm",
)
ROOMS = ["cellar", "pantry", "nursery", "greenhouse", "workshop", "gallery", "stable", "boathouse"]
INNOCENT = [
    *(
        f"What is the {what} of {where}?"
        for what, where in product(
            ("currency", "capital", "highest mountain", "national anthem", "population"), PLACES
        )
    ),
    *(
        f"{how} the {thing} in the {room}"
        for how, thing, room in product(("switch on", "switch off", "where is"), THINGS, ROOMS)
    ),
    *(f"What is {a} {sign} {b}?" for a, sign, b in product((3, 12, 40), "+-*/", (5, 9, 17, 31))),
    *(
        f"Who {did} {what}?"
        for did, what in product(
            ("wrote", "painted", "composed", "discovered"),
            ("Hamlet", "Guernica", "Carmen", "radium", "Ulysses", "The Scream", "Fidelio"),
        )
    ),
    *(
        f"How many {what} does a {who} have?"
        for what, who in product(
            ("legs", "eyes", "wings", "teeth", "ribs"),
            ("beetle", "crab", "goose", "trout", "lizard", "whale", "mole"),
        )
    ),
    *(
        f"Which {one} is the {how}?"
        for one, how in product(
            ("river", "lake", "desert", "planet", "metal", "language", "bird"),
            ("oldest", "coldest", "nearest", "rarest", "heaviest", "smallest", "loudest", "driest"),
        )
    ),
    *(
        f"{how} {word}"
        for how, word in product(
            ("define", "spell", "translate", "rhyme with", "Is it", "What is"),
            ("harbour", "cinnamon", "lantern", "gravel", "meadow", "needle"),
        )
    ),
]


def test_five_hundred_innocent_short_questions_are_no_items_of_the_shipped_suites() -> None:
    """Their words are those of the items, or nearly; what they ask is not."""
    assert len(set(INNOCENT)) >= 500
    short = ShortQuestions()
    items: list[str] = []
    for file in discover(SHIPPED):
        for item in file.items:
            short.add(len(items), item.messages[-1].content)
            items.append(item.messages[-1].content)
    refused = {text: items[hit[0][0]] for text in INNOCENT if (hit := short.find(text))}
    assert not refused
    known = sum(bool(short.find(f"Please, {text.lower()}")) for text in items)
    assert known >= 0.95 * sum(len(text.split()) <= 20 for text in items)
