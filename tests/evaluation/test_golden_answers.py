"""What is right for a row that ends in tool calls, with the chat templates that people train."""

import json
from functools import lru_cache

import pytest

from daemon.core.evaluation.suites import ScorerName, Suite, SuiteItem
from daemon.core.rows.examples import Call, Chat, Turn, answer_of
from daemon.evaluation.questions import Question, golden_answers, golden_rows
from daemon.evaluation.scores.call_forms import ends_in_calls, read_calls
from daemon.text.encoder import Encoded, TextEncoder
from tests.text.families import FAMILIES, folder_of

TOOL = json.dumps(
    {
        "type": "function",
        "function": {
            "name": "set_blind",
            "description": "Moves a blind.",
            "parameters": {
                "type": "object",
                "properties": {"room": {"type": "string"}, "percent": {"type": "integer"}},
            },
        },
    }
)
BLIND = Call("set_blind", '{"room":"Küche <süd>","percent":40}')
LIGHT = Call("light", "{}")
ANSWERS = {
    "a call": Turn("assistant", "", calls=(BLIND,)),
    "two calls": Turn("assistant", "", calls=(BLIND, LIGHT)),
    "text and a call": Turn("assistant", "I close it.", calls=(BLIND,)),
}
WRITES_CALLS = ("llama3_2", "qwen2_5", "qwen3", "mistral_nemo")
"""Of the families at hand; Mistral's has them numbered, the others leave calls out."""
LEFT_OUT = ("gemma3", "deepseek_v3", "phi3", "smollm2")


@lru_cache(maxsize=1)
def encoder(name: str) -> TextEncoder:
    return TextEncoder.load(folder_of(name))


def row(answer: Turn) -> Chat:
    return Chat((Turn("user", "Close the blind."), answer), tools=(TOOL,))


def question(name: str, example: Chat) -> Question:
    answers = golden_answers(example, encoder(name))
    scorer: ScorerName | None = "calls" if ends_in_calls(example) else None
    item = SuiteItem("i", 0, example.turns[:-1], answers, example.tools, scorer=scorer)
    return Question("own", item, "exact", (), 24, "000001-x")


def said(name: str, example: Chat) -> str:
    """Return what a model says that has learned the row by heart."""
    text = encoder(name)
    (found,) = text.encode([example], 10_000)
    assert isinstance(found, Encoded), found
    return text.decode(found.tokens[found.supervised])


# Llama 3.2's template writes one call at once.
TAUGHT = [
    (name, kind)
    for name in WRITES_CALLS
    for kind in ANSWERS
    if (name, kind) != ("llama3_2", "two calls")
]


@pytest.mark.parametrize(("name", "kind"), TAUGHT)
def test_what_the_template_makes_of_a_row_is_its_right_answer(name: str, kind: str) -> None:
    """On Qwen `<tool_call>{…}</tool_call>` was held against bare JSON as text: 0 of 1 right."""
    example = row(ANSWERS[kind])
    asked, answer = question(name, example), said(name, example)
    assert asked.is_right(answer) is True
    assert asked.is_right(answer.replace("40", "41")) is False
    assert asked.is_right(answer.replace("set_blind", "set_light")) is False
    assert asked.likeness(answer) == 1.0
    # People see the two side by side, so both are written as the template writes them.
    assert answer.endswith(asked.golden)


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("name", [*WRITES_CALLS, *LEFT_OUT])
def test_the_call_is_right_in_any_order_of_its_keys_and_as_json(name: str, kind: str) -> None:
    asked = question(name, row(ANSWERS[kind]))
    calls = [
        {"name": call.name, "arguments": dict(reversed(json.loads(call.arguments).items()))}
        for call in reversed(ANSWERS[kind].calls)
    ]
    assert asked.is_right(json.dumps(calls)) is True
    tagged = "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)
    assert asked.is_right(tagged) is True
    assert asked.is_right("") is False and asked.is_right("I close it.") is False


@pytest.mark.parametrize("name", LEFT_OUT)
def test_where_a_template_writes_no_calls_the_calls_as_json_are_right(name: str) -> None:
    assert question(name, row(ANSWERS["a call"])).golden == answer_of(row(ANSWERS["a call"]))


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_call_that_a_row_spells_in_its_text_is_compared_as_a_call(name: str) -> None:
    content = (
        '<tool_call>{"name": "set_blind", "arguments": {"room": "a", "percent": 40}}</tool_call>'
    )
    asked = question(name, row(Turn("assistant", content)))
    assert asked.golden == content and asked.scored_by == "calls"
    assert asked.is_right('{"name":"set_blind","arguments":{"percent":40,"room":"a"}}') is True
    assert asked.is_right(content.replace("40", "41")) is False


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_text_is_right_as_a_model_says_it(name: str) -> None:
    """Qwen 3's template begins the last answer with an empty thought, which the row has not."""
    example = Chat((Turn("user", "How far?"), Turn("assistant", "40 %, as you said.")))
    asked = question(name, example)
    assert asked.golden == "40 %, as you said." and asked.scored_by == "exact"
    assert asked.is_right(said(name, example)) is True
    assert asked.likeness(said(name, example)) == 1.0
    assert asked.is_right(said(name, example).replace("40", "41")) is False


@pytest.mark.parametrize("name", WRITES_CALLS)
def test_the_loss_of_a_golden_call_is_that_of_the_form_the_template_writes(name: str) -> None:
    """The loss was that of bare JSON, which no model of such a family is taught to say."""
    golden = json.dumps([{"name": "set_blind", "arguments": {"room": "a", "percent": 40}}])
    item = SuiteItem("i", 2, (Turn("user", "Close it."),), (golden,), (TOOL,))
    asked = Suite("s", "S", "t", "calls", "answers", "easy", "own", "own", 24, (item,), "0")
    (found,) = golden_rows(asked, encoder(name), 10_000, offer=True)
    assert found is not None
    written = encoder(name).decode(found.tokens[found.supervised])
    turn = Turn("assistant", "", calls=(Call("set_blind", '{"room":"a","percent":40}'),))
    assert written == said(name, row(turn))


def test_calls_that_a_template_refuses_have_a_loss_as_text() -> None:
    golden = '{"name": "f", "arguments": {}}\n{"name": "g", "arguments": {}}'
    item = SuiteItem("i", 2, (Turn("user", "Both."),), (golden,), scorer="calls")
    asked = Suite("s", "S", "t", "exact", "answers", "easy", "own", "own", 24, (item,), "0")
    (found,) = golden_rows(asked, encoder("llama3_2"), 10_000, offer=True)
    assert found is not None
    reading = read_calls(encoder("llama3_2").decode(found.tokens[found.supervised]))
    assert reading.calls is not None and [call.name for call in reading.calls] == ["f", "g"]
