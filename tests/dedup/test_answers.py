"""Whether two answers to one question repeat or contradict each other (docs/protocol.md, R52).

Two answers in prose were duplicates whatever they said: "we do not offer it" was dropped for "yes,
we offer it".
"""

import pytest

from daemon.dedup.answers import Verdict, completes, is_prose, settle

PROSE = "It is a condition in which cells of the body answer less and less to the hormone insulin."
OTHER = "When muscles and liver no longer take up sugar as they should, one speaks of that state."


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "A member pays 30 euros a year, and there is no fee for the first month at all.",
            "A member pays 40 euros a year, and there is no fee for the first month at all.",
        ),
        (
            "The account is looked after by our team in the Bergen office, on weekdays until five.",
            "The account is looked after by our team in the Malta office, on weekdays until five.",
        ),
        (
            "The room is at the end of the corridor on the left, right beside the old stairs.",
            "The room is at the end of the corridor on the right, right beside the old stairs.",
        ),
        (
            "We offer lessons in the evening for everybody who lives in the town or works there.",
            "We do not offer lessons in the evening for everybody who lives in the town or works "
            "there.",
        ),
        (
            "Yes, there are evening classes on two days of the week, from six until nine o'clock.",
            "No, all of our lessons end at four because the caretaker locks the whole building.",
        ),
        (
            "Yes, you can bring your dog into the building as long as it is kept on a lead there.",
            "Dogs are not allowed anywhere in the building, with the exception of guide dogs only.",
        ),
        (
            "The house was opened by the mayor in 1926 after a long debate about all that money.",
            "In the year 1931 the building was finally ready and people could walk in to see it.",
        ),
        (
            "The school stands close to the harbour, and Otto Brandt has led it for many years.",
            "At the moment the person whom you should write to about that is called Ines Falk.",
        ),
        (
            "Smoking is allowed on the balcony of each floor as long as nobody complains of it.",
            "On all of the grounds smoking is strictly forbidden, whatever anybody says to it.",
        ),
    ],
)
def test_a_number_a_name_a_negation_or_a_choice_makes_a_contradiction(one: str, other: str) -> None:
    question = "Do you have that and where is it?"
    assert settle(question, one, other, equal=True) == "contradict"
    assert settle(question, other, one, equal=True) == "contradict"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PROSE, OTHER),
        (PROSE, PROSE + " Often it comes with overweight."),
        (
            PROSE,
            PROSE.replace("answer", "respond")
            .replace("less and less", "more and more badly")
            .replace("condition", "state of things")
            .replace("of the body", "everywhere in us"),
        ),
        ("Paris", "The capital of France is Paris, which lies on the Seine in the north of it."),
    ],
)
def test_other_words_for_the_same_are_a_repetition(one: str, other: str) -> None:
    assert settle("What is it?", one, other, equal=True) == "repeat"


@pytest.mark.parametrize(
    ("one", "other", "equal", "verdict"),
    [
        ("yes", "Yes.", True, "equal"),
        ("yes", "Yes.", False, "different"),
        ("yes", "no", True, "contradict"),
        ("positive", "negative", False, "contradict"),
        ('{"a": 1}', '{"a": 2}', True, "contradict"),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}', True, "equal"),
        (PROSE, " ".join(PROSE.split()).upper(), False, "equal"),
        (PROSE, "no", True, "contradict"),
    ],
)
def test_short_and_structured_answers_repeat_only_as_equals_to_an_equal_question(
    one: str, other: str, equal: bool, verdict: Verdict
) -> None:
    assert settle("What is it?", one, other, equal) == verdict


def test_two_inventions_are_both_wanted() -> None:
    assert settle("Write a text about it", PROSE, OTHER, equal=True) == "different"


def test_a_complete_answer_says_all_of_the_other_one_and_a_fifth_more() -> None:
    more = PROSE + " Often it comes with overweight and too little sleep."
    assert completes(more, PROSE)
    assert not completes(PROSE, more) and not completes(OTHER + " " + OTHER, PROSE)


def test_labels_calls_and_tables_are_no_prose() -> None:
    assert is_prose(PROSE)
    assert not any(
        map(is_prose, ("Paris", '{"name": "' + PROSE, "| a | b | " * 9, "```\n" + PROSE))
    )


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            "How long is the land bare? Choices: - days - weeks - months\nAnswer:",
            "B: weeks. The land has to be made ready between two seasons, and that takes a while.",
            "Sure! The right one is C: months, for in temperate regions nothing grows in winter.",
        ),
        (
            "Classify the comment as agree or disagree.",
            "Disagree, because the comment is full of criticism of what the government has done.",
            "I would say agree: many people are disappointed, and nobody would speak against it.",
        ),
        (
            "The deleting is slow, how can I speed it up?",
            "Use one call for all of the children, nothing more:\n```js\na.replaceChildren()\n```",
            "Look for the children that are wanted before you begin:\n```js\nb.filter(keep)\n```",
        ),
    ],
)
def test_what_a_task_comes_to_is_not_lost_among_the_words_around_it(
    question: str, one: str, other: str
) -> None:
    """Of 130 rows that a preference set lost 28 had come to another result, most of this kind."""
    assert settle(question, one, other, True) in ("different", "contradict")
    assert settle(question, one, one + " ", True) == "equal"
