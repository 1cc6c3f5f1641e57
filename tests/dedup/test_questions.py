"""When two rows ask one thing (docs/protocol.md, rule R52).

Questions that differed in a tense, a plural, a flag or a bracket were one, whatever the rows
answered; the system text and the tools were no part of them.
"""

import pytest

from daemon.core.rows.examples import Call, Chat, Turn
from daemon.dedup.likeness import Likeness
from daemon.dedup.questions import ComparedQuestion, compared_question
from tests.dedup.rows import asked


def likeness(one: str, other: str) -> Likeness | None:
    return ComparedQuestion(0, one).likeness(ComparedQuestion(0, other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is insulin resistance?", "What is an insulin resistance?"),
        ("What is insulin resistance?", "WHAT IS  insulin resistance"),
        ("What's the capital of France?", "What is the capital of France"),
        ("I can\u2019t open it. Why?", "I can not open it. Why?"),
        ("Send an e-mail to the office", "send an email to the office"),
        ("It costs 3,000 dollars a year", "it costs 3000 dollars a year"),
        ("Who wrote “Emma” (the novel)?", "Who wrote Emma, the novel"),
        ("When does NASA start?", "when does nasa start"),
    ],
)
def test_case_articles_and_the_punctuation_of_sentences_make_no_other_question(
    one: str, other: str
) -> None:
    assert likeness(one, other) == "wording"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What does the option -a of tar do?", "What does the option -d of tar do?"),
        ("What does -v do?", "What does -V do?"),
        ("What is vitamin A good for?", "What is vitamin D good for?"),
        ("What is vitamin A?", "What is vitamin D?"),
        ("What does () mean after a name?", "What does [] mean after a name?"),
        ("What does ? mean in a regex?", "What does . mean in a regex?"),
        ("What does %d print?", "What does %s print?"),
        ("Find the bug: `push(a, b)`", "Find the bug: `push(a. b)`"),
        ("Find the bug: `if (n > 0) { t(n); }`", "Find the bug: `if (n > 0); { t(n); }`"),
        ("When did the library open?", "When does the library open?"),
        ("What are the fees for members?", "What were the fees for members?"),
        ("Turn on the light in the hall", "Turn on the lights in the hall"),
        ("Where do I put the paint?", "Where do I put the painting?"),
        ("What is the boiling point of ethane?", "What is the boiling point of ethene?"),
        ("Who looks after Larsen?", "Who looks after Larson?"),
        ("Tell me about the history of the US", "Tell me about the history of us"),
        ("Translate it into C for me", "Translate it into C++ for me"),
        ("Compute 3 - 4", "Compute 3 + 4"),
        ("Set it to -5 degrees", "Set it to 5 degrees"),
        ("Is Paris bigger than Rome?", "Is Rome bigger than Paris?"),
        ("May I eat that?", "May I not eat that?"),
        ("Do you know a doctor?", "Do you know the doctor?"),
        ("Have you a few apples?", "Have you few apples?"),
        ("How long is version 3.0?", "How long is version 30?"),
    ],
)
def test_a_word_that_carries_meaning_makes_another_question(one: str, other: str) -> None:
    assert likeness(one, other) in (None, "spelling")


@pytest.mark.parametrize(
    "other",
    [
        "Can you tell me when the library opens?",
        "Could you please tell me: when does the library open?",
        "Hi there, when does the library open, please?",
        "When exactly does the library open?",
        "When does the library open, exactly?",
        "Anna, when does the library open?",
        "Good morning! I would like to know when the library opens. Thanks in advance!",
        "I was wondering when the library opens",
        "Do you happen to know when the library opens?",
        "Sorry to bother you, but when does the library open?",
        "Quick question: when does the library open?",
        "Hey Tom, could you let me know when the library opens, thank you very much",
        "So, when does the library open, by the way?",
    ],
)
def test_courtesy_filler_and_a_name_in_front_make_no_other_question(other: str) -> None:
    assert likeness("When does the library open?", other) == "wording"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the fee for a late return?", "Please tell me what the fee for a late return is."),
        ("Do you offer classes?", "I wonder whether you offer classes"),
        ("Where did he go in 1926?", "Do you know where he went in 1926?"),
        ("When did they build the bridge?", "Can you tell me when they built the bridge?"),
        ("How much does it cost?", "May I ask how much it costs?"),
        ("What can I do about it?", "I'd like to know what I can do about it"),
    ],
)
def test_an_indirect_question_is_the_direct_one(one: str, other: str) -> None:
    assert likeness(one, other) == "wording"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("When does the library open?", "Can you tell me when the library opened?"),
        ("Ruby, what does that mean?", "Perl, what does that mean?"),
        ("Can you swim?", "Can you?"),
        ("Could you park here?", "Will you park here?"),
        ("What does she know?", "Can you tell me what she knew?"),
    ],
)
def test_courtesy_hides_no_difference(one: str, other: str) -> None:
    assert likeness(one, other) is None


def test_a_slip_of_spelling_is_called_one() -> None:
    one, other = "What causes insulin resistance?", "What causes insulin resistence?"
    assert likeness(one, other) == "spelling"
    assert likeness("Dim the lights of the living room", "Dim the lights of the livingroom")


def test_the_system_text_the_tools_and_the_turns_before_are_part_of_the_question() -> None:
    turns = (Turn("user", "Hello"), Turn("assistant", "Yes?"), Turn("user", "Go on"))
    end = (Turn("assistant", "So it is."),)
    talk = Chat((*turns, *end))
    others = [
        Chat((Turn("system", "Be brief."), *turns, *end)),
        Chat((*turns, *end), tools=('{"name":"a"}',)),
        Chat((turns[0], Turn("assistant", "What?"), turns[2], *end)),
        Chat((turns[0], Turn("assistant", "Yes?", trained=False), turns[2], *end)),
        Chat((*turns[:2], Turn("user", "Stop"), *end)),
    ]
    for other in others:
        assert compared_question(talk).likeness(compared_question(other)) is None
    blanks = Chat((Turn("user", "Hello "), Turn("assistant", "\nYes?"), turns[2], *end))
    assert compared_question(talk).equals(compared_question(blanks))


def test_what_a_tool_returned_is_part_of_the_question() -> None:
    def talk(weather: str) -> Chat:
        call = Turn("assistant", "", calls=(Call("weather", '{"at":"Rome"}'),))
        return Chat(
            (Turn("user", "Rain?"), call, Turn("tool", weather), Turn("assistant", "So it is."))
        )

    assert compared_question(talk("rain")).likeness(compared_question(talk("sun"))) is None
    assert compared_question(talk("rain")).equals(compared_question(talk("rain")))


def test_an_empty_system_text_is_none() -> None:
    assert compared_question(asked("q", "a")).equals(
        compared_question(Chat((Turn("system", " "), Turn("user", "q"), Turn("assistant", "b"))))
    )
