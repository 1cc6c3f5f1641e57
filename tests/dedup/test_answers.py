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


@pytest.mark.parametrize(
    "question",
    [
        "Write a text about it",
        "Translate the sentence",
        "Find synonyms for the given word.",
        "Curate a playlist for the evening",
        "Which is right? A) the first B) the second",
        "What is wrong here: for (i = 0; i < n; i++) {}",
        "How would you greet a king, as a pirate?",
        "What are some names for a cat?",
        "Insulin resistance",
    ],
)
def test_two_inventions_and_two_results_are_both_wanted(question: str) -> None:
    """A list of English verbs knew some tasks; of 373 rows that two models' answers to 805
    instructions lost, 148 were answers to other ones."""
    assert settle(question, PROSE, OTHER, equal=True) == "different"
    assert settle(question, PROSE, PROSE + " Often it comes early.", equal=True) == "repeat"


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            "\u06cc\u0647 \u062c\u06a9 \u0628\u06af\u0648\u061f",
            " ".join(f"\u06cc\u06a9{n}" for n in range(14)),
            " ".join(f"\u062f\u0648{n}" for n in range(16)),
        ),
        (
            "Bieten Sie das auch abends an?",
            "Ja, am Dienstag und am Donnerstag haben wir abends von sechs bis acht offen.",
            "Leider nein, wir schliessen an allen Tagen um vier, denn danach wird geputzt, jeden "
            "Abend bis sechs.",
        ),
    ],
    ids=["persian", "german"],
)
def test_in_other_languages_an_answer_repeats_another_only_with_nearly_all_its_words(
    question: str, one: str, other: str
) -> None:
    """Thirteen jokes of a Persian set were lost: no rule on words here is for its language."""
    assert settle(question, one, other, equal=True) in ("different", "contradict")
    more = f"{one} {' '.join(one.split()[:4])}"
    assert settle(question, one, more, equal=True) == "repeat"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "To make it you need the following:\n- flour\n- two eggs\n- warm milk\n- some salt",
            "It is best with these things, as many cooks have found over all those years:\n"
            "- rye\n- a spoon of honey\n- cold water\n- sunflower seeds\n- yeast and patience",
        ),
        (
            'The permission that allows it is called "Manage Profiles" in the account of a team.',
            'You find the right one as "Access to Certificates" on the page for the members of a '
            "team, and only its owner can give it to somebody.",
        ),
        (
            "Our eyes adapt in about 35 minutes, in two stages of which the first is a short one.",
            "They have adapted to the dark after a while: the first stage is over soon, and the "
            "second one takes much longer than that, as the rods are slow.",
        ),
    ],
    ids=["items", "quotations", "numbers"],
)
def test_a_row_stays_whose_items_numbers_or_quotations_the_longer_one_lacks(
    one: str, other: str
) -> None:
    assert settle("How is it done?", one, other, equal=True) in ("different", "contradict")


RECIPE = "Take 2 cups of flour, 3 eggs and 1 cup of milk, and bake it for half of an hour in a pan."
PAGE = (
    "Mix 2 cups of flour with 3 eggs, then add 1 cup of milk and 4 spoons of sugar to the bowl. "
    "Let it stand for 30 minutes and bake it until it is brown on both sides of the cake."
)
LINE = "The derivative of a function at a certain point is found with the help of this rule here."


def test_two_recipes_are_two_whatever_numbers_both_have() -> None:
    """1, 2 and 3 stand in most recipes: the longer one was taken for the other and more."""
    assert settle("How is it baked?", RECIPE, PAGE, equal=True) == "different"


def test_a_line_stays_beside_a_page_that_has_hardly_a_word_of_it() -> None:
    """Without a number or a name nothing of a line was looked for in a much longer answer."""
    page = "It compares how quickly two growing quantities rise, as economists do. " * 10
    assert settle("How is that rule used?", LINE, page, equal=True) == "different"
    assert settle("How is that rule used?", LINE, f"{page}{LINE}", equal=True) == "repeat"


def test_a_refusal_contradicts_an_answer() -> None:
    no = "I apologize, but I cannot give advice on how to look awake in a call while asleep."
    yes = "Record yourself as you listen, let the film run as your camera and put your feet up."
    assert settle("How do I sleep in a call?", no, yes, equal=True) == "contradict"
    sad = "I'm sorry to hear about your dog. Give your friend time, listen, and bring some food."
    kind = (
        "Give the friend some time and listen when there is talk of the dog; bring some food too."
    )
    assert settle("How do I comfort a friend?", sad, kind, equal=True) == "repeat"


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
