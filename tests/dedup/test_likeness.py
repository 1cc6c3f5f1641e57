"""When a row asks what an item of a suite asks: rather a row too many is refused."""

import pytest

from daemon.dedup.likeness import Likeness, same_question
from daemon.dedup.wording import Words, base_form, read, split


def likeness(one: str, other: str) -> Likeness | None:
    words = Words()
    return same_question(read(split(one), words), read(split(other), words))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is insulin resistance?", "What is an insulin resistance?"),
        ("What is insulin resistance?", "what is insulin resistance"),
        ("What's the capital of France?", "What is the capital of France"),
        ("Turn on the light in the kitchen", "turn on the lights in the kitchen!"),
        ("Which cells did he count?", "Which cell did he count?"),
        ("Explain how plants make sugar", "Please explain how plants make sugars."),
        ("Send an e-mail to the office", "send an email to the office"),
        ("It costs 3,000 dollars a year", "it costs 3000 dollars a year"),
    ],
)
def test_stop_words_inflection_case_and_punctuation_make_no_other_item(
    one: str, other: str
) -> None:
    assert likeness(one, other) == "wording"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("turn the lamp on", "turn the lamp off"),
        ("give me the price of item 3", "give me the price of item 4"),
        ("how do I reset the router at home", "how do I reset the printer at home"),
        ("what may a person with gout eat", "what may a person with gout not eat"),
        ("I can open the window in the bedroom", "I can't open the window in the bedroom"),
        ("when was the old bridge built", "where was the old bridge built"),
        ("what is my name in this game", "what is your name in this game"),
        ("compute 3 + 4 for the teacher", "compute 3 - 4 for the teacher"),
        ("set the heating to -5 degrees", "set the heating to 5 degrees"),
        ("flights from Paris to Rome on Monday", "flights to Paris from Rome on Monday"),
        ("is Paris much bigger than Rome in area", "is Rome much bigger than Paris in area"),
        ("translate it into C for the course", "translate it into C++ for the course"),
        ("is it legal to park here overnight", "is it illegal to park here overnight"),
    ],
)
def test_a_content_word_number_symbol_or_negation_makes_another_item(one: str, other: str) -> None:
    assert likeness(one, other) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What causes insulin resistance in adults?", "What causes insulin resistence in adults?"),
        ("Dim the lights of the living room", "Dim the lights of the livingroom"),
        ("How is concrete poured in winter?", "How is conrcete poured in winter?"),
        ("Who wrote about a sleeping beauty?", "Who wrote about a sleeing beauty?"),
    ],
)
def test_one_slip_of_spelling_is_seen(one: str, other: str) -> None:
    assert likeness(one, other) == "spelling"


def test_short_prompts_count_only_when_equal() -> None:
    assert likeness("hi Tom", "Hi, Tom!") == "wording"
    assert likeness("ls -la", "ls -l") is None


def test_too_many_characters_that_differ_make_another_item() -> None:
    asked = "Is the a of the an it of for the to the"
    assert likeness(f"{asked} rain?", "rain") is None


def test_control_tokens_in_a_prompt_are_not_compared() -> None:
    asked = "<|im_start|>What is insulin resistance?<|im_end|>"
    assert likeness(asked, "What is insulin resistance?") == "wording"


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("lamps", "lamp"),
        ("causes", "caused"),
        ("running", "run"),
        ("cities", "city"),
        ("boxes", "box"),
        ("stopped", "stop"),
        ("tries", "tried"),
        ("moving", "move"),
    ],
)
def test_inflected_forms_meet(word: str, other: str) -> None:
    assert base_form(word) == base_form(other)


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("printer", "print"),
        ("universe", "university"),
        ("king", "k"),
        ("news", "new"),
        ("string", "str"),
        ("need", "ne"),
        ("operator", "operation"),
        ("hiss", "his"),
    ],
)
def test_other_words_stay_apart(word: str, other: str) -> None:
    assert base_form(word) != base_form(other)
