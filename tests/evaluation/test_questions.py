"""What a model is asked, and how its answers are scored."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.suites import Suite, SuiteItem
from daemon.core.rows.examples import Turn
from daemon.core.rows.plain_form import PLAIN_FORM
from daemon.evaluation.questions import OFFER, golden_rows, suite_questions
from daemon.evaluation.scores.formatting import habit_of
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.writing import ExpectedWriting
from daemon.text.encoder import TextEncoder
from tests.text import tiny_tokenizer as tiny

TOOL = '{"type":"function","function":{"name":"light","parameters":{"type":"object"}}}'
ITEM = SuiteItem("i1", 2, (Turn("user", "light on"),), ('{"name":"light"}',), (TOOL,))
WITH_TOOLS = (
    "{% if tools %}<|im_start|>system\n{{ tools | tojson }}<|im_end|>\n{% endif %}" + tiny.CHATML
)


def suite(*items: SuiteItem) -> Suite:
    return Suite("s", "S", "t", "calls", "answers", "easy", "own", "own", 24, items, "0")


def encoder(tmp_path: Path, template: str) -> TextEncoder:
    tiny.write_tokenizer(tmp_path, template, "</s>")
    return TextEncoder.load(tmp_path)


def asked(tmp_path: Path, template: str, item: SuiteItem = ITEM) -> str:
    text = encoder(tmp_path, template)
    (found,) = suite_questions(suite(item), text)
    assert (found.set, found.max_tokens, found.scorer) == ("s", 24, "calls")
    return text.decode(found.tokens)


def test_functions_stand_where_the_template_puts_them(tmp_path: Path) -> None:
    assert encoder(tmp_path, WITH_TOOLS).shows_tools
    shown = asked(tmp_path, WITH_TOOLS)
    assert "light" in shown and OFFER not in shown


@pytest.mark.parametrize("system", [None, "Answer with the call."])
def test_functions_that_a_template_does_not_show_stand_in_the_system_text(
    tmp_path: Path, system: str | None
) -> None:
    assert not encoder(tmp_path, tiny.CHATML).shows_tools
    turns = ITEM.messages if system is None else (Turn("system", system), *ITEM.messages)
    shown = asked(tmp_path, tiny.CHATML, replace(ITEM, messages=turns))
    assert OFFER in shown and TOOL in shown and (system or "") in shown
    assert shown.index(TOOL) < shown.index("light on")


def test_functions_are_offered_in_the_form_that_the_version_was_trained_with(
    tmp_path: Path,
) -> None:
    """A version that learned to call in one form was asked in another."""
    text = encoder(tmp_path, tiny.CHATML).in_form(PLAIN_FORM)
    (found,) = suite_questions(suite(ITEM), text)
    (golden,) = golden_rows(suite(ITEM), text, 10_000, offer=True)
    shown = text.decode(found.tokens)
    assert "<tools>" in shown and OFFER not in shown and golden is not None
    assert tuple(golden.tokens[: len(found.tokens)].tolist()) == found.tokens
    said = text.decode(golden.tokens[golden.supervised])
    assert said == '<tool_call>\n{"name": "light", "arguments": {}}\n</tool_call>'
    assert found.is_right(said)


def test_without_functions_nothing_is_offered(tmp_path: Path) -> None:
    assert OFFER not in asked(tmp_path, tiny.CHATML, replace(ITEM, tools=()))


def test_writing_is_held_against_the_habit_of_the_questions_own_file_or_suite(
    tmp_path: Path,
) -> None:
    """Held-out rows of earlier files were held against the answers of the newest file."""
    short, long = ["short", "words"], ["a much longer answer than any"]
    wanted = ExpectedWriting(
        jobs={
            "000001-x": ExpectedStyle(habit_of(short)),
            "000002-y": ExpectedStyle(habit_of(long)),
        },
        suites={"s": ExpectedStyle(habit_of(long))},
    )
    (question,) = suite_questions(suite(ITEM), encoder(tmp_path, tiny.CHATML))
    said = Answer(long[0], 6, 0.5)
    assert question.score(said, wanted).metrics["length"] == 1.0
    assert replace(question, job="000001-x").score(said, wanted).metrics["length"] < 1.0
    assert replace(question, job="000002-y").score(said, wanted).metrics["length"] == 1.0
    assert "length" not in replace(question, job="000003-z").score(said, wanted).metrics


@pytest.mark.parametrize("template", [tiny.CHATML, WITH_TOOLS])
def test_a_golden_answer_follows_its_question_and_alone_is_supervised(
    tmp_path: Path, template: str
) -> None:
    text = encoder(tmp_path, template)
    earlier = (Turn("user", "hello"), Turn("assistant", "hi"), *ITEM.messages)
    asked_suite = suite(ITEM, replace(ITEM, messages=earlier), replace(ITEM, answers=()))
    questions = suite_questions(asked_suite, text)
    first, second, none = golden_rows(asked_suite, text, 10_000, offer=True)
    assert none is None
    for row, question in zip((first, second), questions, strict=False):
        assert row is not None
        begun = len(question.tokens)
        assert tuple(row.tokens[:begun].tolist()) == question.tokens
        assert not row.supervised[:begun].any()
        assert ITEM.answers[0] in text.decode(row.tokens[row.supervised])
    assert golden_rows(asked_suite, text, 3, offer=True) == [None] * 3
