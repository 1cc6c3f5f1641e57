"""Which rows of one file are one."""

import random
from difflib import SequenceMatcher
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rows.examples import Chat, Text, Turn
from daemon.dedup.boilerplate import Boilerplate
from daemon.dedup.judging import Judge
from daemon.dedup.questions import ComparedQuestion
from daemon.dedup.sealing import Sealer, question_of
from daemon.dedup.within import compare
from daemon.dedup.wording import split
from tests.dedup.rows import PROSE, asked, compared, keys_for

ASK = "What is insulin resistance?"
AGAIN = "What is an insulin resistance?"


def test_the_more_complete_of_two_prose_answers_is_kept() -> None:
    found = compared([asked(ASK, PROSE[0]), asked(AGAIN, PROSE[1])])
    assert set(found.dropped) == {0} and found.dropped[0].of == 1
    found = compared([asked(ASK, PROSE[1]), asked(AGAIN, PROSE[0])])
    assert set(found.dropped) == {1} and found.dropped[1].how == "wording"


@pytest.mark.parametrize(("policy", "left"), [("keep", {0, 1}), ("newest", {1}), ("refuse", set())])
def test_short_answers_that_differ_are_a_conflict_and_the_policy_decides(
    policy: str, left: set[int]
) -> None:
    found = compared([asked(ASK, "a disease"), asked(AGAIN, "a vitamin")], policy)  # type: ignore[arg-type]
    assert found.conflicts == [(1, 0, "wording")]
    assert {0, 1} - set(found.dropped) == left


def test_variants_of_one_group_are_never_each_others_duplicate_or_conflict() -> None:
    rows = [
        asked(ASK, "a disease", "g"),
        asked(AGAIN, "a vitamin", "g"),
        asked(ASK, "a disease", "h"),
    ]
    found = compared(rows)
    assert set(found.dropped) == {2} and not found.conflicts


def test_system_text_is_part_of_the_question_and_does_not_make_questions_alike() -> None:
    """Rows that had one text summarised, translated and titled lost three of four."""
    tools = "You know these functions: " + ", ".join(f"function_{n}(name, area)" for n in range(42))
    rooms = ("attic", "cellar", "kitchen", "office", "garage", "hall")
    rows = [
        asked(f"open the window in the {room}", f"open({room})", system=tools) for room in rooms
    ]
    assert not compared(rows).dropped
    other = asked("open the window in the attic", "open(attic)", system="Be brief.")
    assert not compared([*rows, other]).dropped
    again = asked("Open the  window in the attic", "open(attic)", system=tools)
    assert set(compared([*rows, again]).dropped) == {6}


def talk(first: str, last: str, end: str = "Please go on") -> Chat:
    turns = (("user", "What is insulin?"), ("assistant", first), ("user", end), ("assistant", last))
    return Chat(tuple(Turn(role, text) for role, text in turns))  # type: ignore[arg-type]


def test_in_a_conversation_all_that_came_before_must_be_equal() -> None:
    assert not compared([talk(PROSE[0], PROSE[1]), talk(PROSE[1], PROSE[0])]).dropped
    assert set(compared([talk(*PROSE), talk(*PROSE, end="Go on")]).dropped) == {1}
    assert set(compared([talk(*PROSE), talk(PROSE[0], PROSE[1] + " so", "Go on")]).dropped) == {0}


def test_plain_texts_are_compared_as_a_whole() -> None:
    rows = [Text(PROSE[0]), Text(PROSE[0].upper() + "."), Text(PROSE[1])]
    assert set(compared(rows).dropped) == {1}


def test_a_chain_of_better_answers_keeps_the_best_only() -> None:
    greetings = ("", "Please: ", "Hello, ", "Excuse me, ")
    rows = [asked(f"{hello}{ASK}", PROSE[0] + " and more" * n) for n, hello in enumerate(greetings)]
    assert set(compared(rows).dropped) == {0, 1, 2}


def fillers(count: int) -> list[Chat]:
    """Rows that ask nothing else asks."""
    return [asked(f"How high is tower number {n}?", f"{n} m") for n in range(count)]


def test_three_answers_to_one_question_word_for_word_are_meant() -> None:
    """Of jokes, poems and sampled solutions all but one were dropped."""
    rows = [asked(ASK, f"{PROSE[0]} {word}") for word in ("so", "then", "now")]
    found = compared([*rows, *fillers(90), rows[0]])
    assert set(found.dropped) == {93} and found.meant.sum() == 3
    reworded = [
        asked(f"{hello}{ASK}", PROSE[0] + " so" * n)
        for n, hello in enumerate(("", "Please, ", "Hello: "))
    ]
    assert set(compared([*reworded, *fillers(90)]).dropped) == {0, 1}


def test_two_answers_are_meant_where_a_fifth_of_the_file_shares_its_questions() -> None:
    pairs = [asked(f"What is hormone {n}?", text) for n in range(10) for text in PROSE]
    assert not compared([*pairs, *fillers(80)]).dropped
    assert len(compared([*pairs, *fillers(81)]).dropped) == 10


def test_two_answers_that_are_meant_are_shown_where_they_contradict() -> None:
    rows = [asked(f"What is hormone {n}?", text) for n in range(9) for text in ("good", "bad")]
    found = compared(rows)
    assert not found.dropped and len(found.conflicts) == 9
    assert set(compared(rows, "newest").dropped) == set(range(0, 18, 2))


def test_a_million_answers_to_one_question_cost_no_comparison() -> None:
    """Each was compared with 64 others; here no text of them is read at all."""
    keys = keys_for([asked(ASK, PROSE[0])] * 1000)
    keys["answer"] = range(1, 1001)

    def never(place: int) -> Chat:
        raise AssertionError(place)

    assert compare(keys, never, Judge(Sealer()), "keep").meant.all()


def test_labels_repeat_only_where_their_questions_are_equal() -> None:
    texts = ("I love the soup.", "I love the the soup.", "i love  the soup.", "I loved the soup.")
    rows = [asked(f"Sentiment: {text}", "positive") for text in texts]
    assert set(compared([*rows, *fillers(30)]).dropped) == {2}


def test_what_contradicts_stays_and_is_shown() -> None:
    """ "We do not offer it" was dropped for "Yes, we offer it" as the less complete answer."""
    no = "No. All of our classes end at four, because the caretaker locks the building then."
    yes = "Yes, we do: on Mondays there are classes from six to nine, in painting and pottery."
    rows = [asked("Do you offer evening classes?", no), asked("Do you offer evening classes?", yes)]
    found = compared([*rows, *fillers(30)])
    assert not found.dropped and found.conflicts == [(1, 0, "wording")]


def test_text_that_most_prompts_share_is_set_aside() -> None:
    frame = "Read the clue with care and answer with one word only: "
    words = [split(frame + f"the river number {n} of the land {n * 7}") for n in range(60)]
    found = Boilerplate.find(words, 0.5)
    assert found.without(words[3])[-3:] == ["the", "land", "21"]
    assert "Read the clue with care and answer with one word only:" in found.examples[0]
    assert not Boilerplate.find(words[:20], 0.5)
    assert Boilerplate.find(
        [split(f"all of these {n} differ {n}") for n in range(60)], 0.5
    ).without(["as", "they", "were", "before"]) == ["as", "they", "were", "before"]


WORDS = [
    "lamp",
    "router",
    "printer",
    "window",
    "kitchen",
    "garden",
    "insulin",
    "resistance",
    "bridge",
    "river",
    "capital",
    "France",
]


@given(
    st.lists(
        st.lists(st.sampled_from([*WORDS, "the", "not", "3", "on", "off"]), min_size=3, max_size=9),
        min_size=2,
        max_size=25,
    )
)
def test_equal_wording_is_always_found(sentences: list[list[str]]) -> None:
    """No pair with equal content and near characters is missed, whatever the signatures say."""
    texts = [" ".join(words) for words in sentences]
    found = compared([asked(text, PROSE[0]) for text in texts])
    for one, other in combinations(range(len(texts)), 2):
        if ComparedQuestion(0, texts[one]).likeness(ComparedQuestion(0, texts[other])) == "wording":
            assert {one, other} & set(found.dropped)


def test_slips_in_real_questions_are_proposed_and_others_are_not_dropped() -> None:
    """Planted pairs in a crowd of template sentences: recall and precision of the whole search."""
    rng = random.Random(7)
    verbs = ("describe", "explain", "summarise", "compare", "translate", "illustrate")
    things = (
        "concrete foundations",
        "insulin resistance",
        "suspension bridges",
        "word puzzles",
        "kitchen appliances",
        "medieval castles",
        "garden irrigation",
    )
    places = (
        "in Stockholm",
        "in northern Europe",
        "for beginners",
        "for engineers",
        "before winter",
    )
    texts = [
        f"{v} {t} {p} number {n}" for v in verbs for t in things for p in places for n in (1, 2)
    ]
    planted = rng.sample(range(len(texts)), 60)
    slips = [_slip(texts[place], rng) for place in planted]
    found = compared([asked(text, PROSE[0]) for text in [*texts, *slips]])
    assert set(found.dropped) <= set(range(len(texts), len(texts) + 60)) | set(planted)
    assert len(found.dropped) >= 57
    whole = [*texts, *slips]
    for place, twin in found.dropped.items():
        assert SequenceMatcher(None, whole[place], whole[twin.of]).ratio() >= 0.85


def _slip(text: str, rng: random.Random) -> str:
    words = text.split()
    long = [n for n, word in enumerate(words) if len(word) > 6]
    place = rng.choice(long)
    at = rng.randrange(2, len(words[place]) - 1)
    words[place] = words[place][:at] + words[place][at + 1 :]
    return " ".join(words)


def test_signatures_do_not_depend_on_the_rows_beside_them() -> None:
    questions = [question_of(asked(f"{text} {n}", "x")) for n, text in enumerate(PROSE * 3)]
    together = Sealer().keys(questions)
    for number, question in enumerate(questions):
        assert Sealer().keys([question])[0] == together[number]
