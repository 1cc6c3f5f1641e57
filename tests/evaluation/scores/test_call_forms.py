"""Calls are read in the form of each model family; text and other JSON are no calls."""

import json

import pytest

from daemon.core.evaluation.suites import SuiteItem
from daemon.core.rows.examples import Call, Chat, Turn
from daemon.evaluation.scores.call_forms import ends_in_calls, is_call_text, read_calls
from daemon.evaluation.scores.calls import compare_calls
from daemon.evaluation.scores.formatting import habit_of
from daemon.evaluation.scores.score import ExpectedStyle, is_right, score_answer

GOLDEN = '{"name":"set_blind","arguments":{"room":"Küche","percent":40,"slow":true}}'
ARGUMENTS = '{"room": "Küche", "percent": 40, "slow": true}'
CALL = f'{{"name": "set_blind", "arguments": {ARGUMENTS}}}'

FORMS = {
    "bare": CALL,
    "list": f"[{CALL}]",
    "hermes": f"<tool_call>\n{CALL}\n</tool_call>",
    "hermes, unclosed": f"<tool_call>{CALL}",
    "after an empty thought": f"<think>\n\n</think>\n\n<tool_call>\n{CALL}\n</tool_call>",
    "after a thought": f"<think>\nA blind.\n</think>\n\n{CALL}",
    "with text around": f"I close it.\n<tool_call>\n{CALL}\n</tool_call>",
    "llama": f'{{"name": "set_blind", "parameters": {ARGUMENTS}}}',
    "llama, tagged": f'<|python_tag|>{{"name": "set_blind", "parameters": {ARGUMENTS}}}<|eom_id|>',
    "llama, custom": f"<function=set_blind>{ARGUMENTS}</function>",
    "mistral": (
        f'[TOOL_CALLS][{{"name": "set_blind", "arguments": {ARGUMENTS}, "id": "a1b2c3d4e"}}]'
    ),
    "mistral, blank": f"[TOOL_CALLS] [{CALL}]",
    "mistral, decoded": f'[{{"name": "set_blind", "arguments": {ARGUMENTS}, "id": "a1b2c3d4e"}}]',
    "mistral, new": f"[TOOL_CALLS]set_blind[CALL_ID]a1b2c3d4e[ARGS]{ARGUMENTS}",
    "mistral, new and decoded": f"set_blind{ARGUMENTS}",
    "granite": f"<|tool_call|>[{CALL}]",
    "phi": f"<|tool_call|>[{CALL}]<|/tool_call|>",
    "deepseek": (
        "<\uff5ctool\u2581calls\u2581begin\uff5c><\uff5ctool\u2581call\u2581begin\uff5c>function"
        f"<\uff5ctool\u2581sep\uff5c>set_blind\n```json\n{ARGUMENTS}\n```"
        "<\uff5ctool\u2581call\u2581end\uff5c><\uff5ctool\u2581calls\u2581end\uff5c>"
    ),
    "qwen coder": (
        "<tool_call>\n<function=set_blind>\n<parameter=room>\nKüche\n</parameter>\n"
        "<parameter=percent>\n40\n</parameter>\n<parameter=slow>\nTrue\n</parameter>\n"
        "</function>\n</tool_call>"
    ),
    "glm": (
        "<tool_call>set_blind\n<arg_key>room</arg_key>\n<arg_value>Küche</arg_value>\n"
        "<arg_key>percent</arg_key>\n<arg_value>40</arg_value>\n"
        "<arg_key>slow</arg_key>\n<arg_value>true</arg_value>\n</tool_call>"
    ),
    "pythonic": '[set_blind(room="Küche", percent=40, slow=True)]',
    "lfm": '<|tool_call_start|>[set_blind(room="Küche", percent=40, slow=True)]<|tool_call_end|>',
    "cohere": f'[{{"tool_call_id": "0", "tool_name": "set_blind", "parameters": {ARGUMENTS}}}]',
}


@pytest.mark.parametrize("answer", FORMS.values(), ids=FORMS)
def test_a_right_call_is_right_in_the_form_of_each_family(answer: str) -> None:
    """Only bare JSON and `<tool_call>` were read: a right call in another form was no call."""
    assert compare_calls(GOLDEN, answer).failures == ()
    assert compare_calls(answer, CALL).correct
    wrong = answer.replace("40", "41")
    assert wrong == answer or compare_calls(GOLDEN, wrong).failures == ("wrong_value",)


TWO = [("f", {"x": 1}), ("g", {"x": "two"})]
SEVERAL = {
    "a line each": '{"name": "g", "arguments": {"x": "two"}}\n{"name": "f", "arguments": {"x": 1}}',
    "hermes": (
        '<tool_call>\n{"name": "g", "arguments": {"x": "two"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>'
    ),
    "semicolons": (
        '<|python_tag|>{"name": "g", "parameters": {"x": "two"}}; '
        '{"name": "f", "parameters": {"x": 1}}'
    ),
    "mistral, new": '[TOOL_CALLS]g[ARGS]{"x": "two"}[TOOL_CALLS]f[ARGS]{"x": 1}',
    "mistral, new and decoded": 'g{"x": "two"}f{"x": 1}',
    "functions": '<function=g>{"x": "two"}</function><function=f>{"x": 1}</function>',
    "pythonic": '[g(x="two"), f(x=1)]',
}


@pytest.mark.parametrize("answer", SEVERAL.values(), ids=SEVERAL)
def test_parallel_calls_are_right_in_any_order(answer: str) -> None:
    golden = json.dumps([{"name": name, "arguments": given} for name, given in TWO])
    assert compare_calls(golden, answer).correct
    half = compare_calls(golden, '{"name": "f", "arguments": {"x": 1}}')
    assert half.failures == ("missing_call",)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Paris",
        "[]",
        "{}",
        "f",
        "f()",
        "f{",
        "[1, 2]",
        '["f"]',
        "[TOOL_CALLS]",
        "<tool_call>",
        "<tool_call></tool_call>",
        "<function=f>no</function>",
        "[f(1)]",
        "[f(x=g())]",
        "[f(x={1})]",
        "[f(x=1e999)]",
        "[" * 50_000,
        "(" * 5_000 + ")" * 5_000,
        "<think>f{}",
        '<tool_call>{"name": "f", "arguments": {}}</tool_call><tool_call>a b</tool_call>',
    ],
)
def test_what_is_no_call_is_none(answer: str) -> None:
    assert read_calls(answer).calls is None


def test_text_stands_before_unmarked_calls_only_where_the_golden_answer_has_some() -> None:
    said = f"I close it.\n{CALL}"
    assert compare_calls(GOLDEN, said).failures == ("not_parsable",)
    assert compare_calls(said, f"I do as I am told.\n{CALL}").correct
    assert compare_calls(said, CALL).correct
    assert compare_calls(said, f"I close it.\n<tool_call>{CALL}</tool_call>").correct


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        (CALL, True),
        (f"[{CALL}]", True),
        (f"<tool_call>\n{CALL}\n</tool_call>", True),
        ("<function=f>{}</function>", True),
        (f"I close it. {CALL}", False),
        ('{"name": "Ada"}', False),
        ('{"name": "Ada", "arguments": {"for": 1}, "age": 3}', False),
        ('{"name": "Ada", "parameters": "many"}', False),
        ("f{}", False),
        ("[f(x=1)]", False),
        ("A tag is written <tool_call>.", False),
    ],
)
def test_only_a_text_that_is_nothing_but_calls_is_taken_for_calls(content: str, ends: bool) -> None:
    assert is_call_text(content) is ends
    assert ends_in_calls(Chat((Turn("user", "x"), Turn("assistant", content)))) is ends


def test_a_row_with_calls_beside_its_text_ends_in_calls() -> None:
    turn = Turn("assistant", "I close it.", calls=(Call("f", "{}"),))
    assert ends_in_calls(Chat((Turn("user", "x"), turn)))


ITEM = SuiteItem("i", 0, (Turn("user", "close it"),), (GOLDEN,), scorer="calls")


def test_a_call_among_texts_has_their_figures_and_is_right_as_a_call() -> None:
    """Of hold-outs calls were compared as words: right ones had `token_f1` 0 or little more."""
    turned = f"<tool_call>{CALL.replace('Küche', 'küche')}</tool_call>"
    score = score_answer("exact", ITEM, turned)
    assert score.main == 1.0
    assert {score.metrics[name] for name in ("exact_match", "correct_call", "token_f1")} == {1.0}
    wrong = score_answer("exact", ITEM, turned.replace("40", "41"))
    assert wrong.main == wrong.metrics["exact_match"] == 0.0 < wrong.metrics["token_f1"] < 1.0
    assert wrong.failures == ("wrong_value",)


def test_a_call_is_as_long_as_the_training_answers_whatever_stands_around_it() -> None:
    """The marks of `<tool_call>` counted as length that no training answer has."""
    wanted = ExpectedStyle(habit_of([GOLDEN]))
    marked = f"<think>\n\n</think>\n\n<tool_call>\n{CALL}\n</tool_call>"
    assert score_answer("exact", ITEM, marked, wanted).metrics["length"] == 1.0


def test_an_unknown_form_is_right_when_it_says_the_same() -> None:
    """The second golden answer is the call as JSON, the first what a template makes of it."""
    item = SuiteItem("i", 0, (Turn("user", "x"),), ("!!set_blind 40!!", GOLDEN), scorer="calls")
    assert is_right("exact", item, "!!set_blind 40!!") is True
    assert is_right("exact", item, CALL) is True
    assert is_right("exact", item, "!!set_blind 41!!") is False


def test_a_thought_is_no_part_of_an_answer_unless_the_golden_one_has_one() -> None:
    """Qwen 3 begins each answer with an empty thought: every right answer was scored as wrong."""
    item = SuiteItem("i", 0, (Turn("user", "x"),), ("It is 40 %.",))
    for thought in ("<think>\n\n</think>\n\n", "<think>\nForty.\n</think>\n"):
        assert is_right("exact", item, f"{thought}It is 40 %.") is True
        assert is_right("exact", item, f"{thought}It is 41 %.") is False
        assert score_answer("overlap", item, f"{thought}It is 40 %.").main == 1.0
    thinking = SuiteItem("i", 0, (Turn("user", "x"),), ("<think>\nSo.\n</think>\n\nIt is 40 %.",))
    assert is_right("exact", thinking, "<think>\nSo.\n</think>\n\nIt is 40 %.") is True
    assert is_right("exact", thinking, "It is 40 %.") is False
