"""Which questions may be answered twice in other words, and which texts are in English."""

import pytest

from daemon.dedup.information import asks_for_information, is_english


@pytest.mark.parametrize(
    "question",
    [
        "When does the library open?",
        "what the fee is",
        "At what temperature does water boil?",
        "Does the shop in Leeds deliver on Sundays?",
        "Can I bring my dog?",
        "Explain photosynthesis.",
        "Tell me about the history of the bridge",
        "The printer is offline. What should I check?",
        "I can\u2019t open it. Why?",
        "If it rains, where does the concert take place?",
    ],
)
def test_a_question_for_information_is_known_by_its_first_words(question: str) -> None:
    assert asks_for_information(question, english=True)


@pytest.mark.parametrize(
    "question",
    [
        "Write a poem about the sea",
        "Give me five names for a boat?",
        "Pretend to be a knight. How do you fight?",
        "What if the Romans had trains?",
        "What do you think of cats?",
        "Summarize: what is said here?\n\nThe sea is deep.",
        "Pick one: (A) red (B) blue",
        "a b c " * 20 + "what is it?",
        "pizza",
    ],
)
def test_what_is_a_task_a_play_or_unclear_is_no_question_for_information(question: str) -> None:
    assert not asks_for_information(question, english=True)


def test_in_other_languages_a_question_mark_tells_a_question() -> None:
    assert asks_for_information("\u00bfCu\u00e1ndo abre la biblioteca?", english=False)
    assert asks_for_information("\u0645\u062a\u0649 \u062a\u0641\u062a\u062d\u061f", english=False)
    assert not asks_for_information("Erz\u00e4hl mir einen Witz", english=False)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("The library opens at nine in the morning, and it closes at six.", True),
        ("Tiles are laid on a dry floor.", True),
        ("Die Bibliothek \u00f6ffnet um neun Uhr am Morgen und schlie\u00dft um sechs.", False),
        ("La biblioteca abre a las nueve de la ma\u00f1ana y cierra a las seis.", False),
        ("De bibliotheek opent om negen uur in de ochtend en is om zes uur dicht.", False),
        ("\u041a\u0438\u0457\u0432 \u0432\u0435\u043b\u0438\u043a\u0438\u0439", False),
        ("", False),
    ],
)
def test_english_is_known_by_its_commonest_words(text: str, english: bool) -> None:
    assert is_english(text) is english
