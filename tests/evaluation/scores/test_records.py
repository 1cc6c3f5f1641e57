"""Fields of records and tool calls: against an independent count and BFCL's checker."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from daemon.evaluation.scores.call_forms import read_calls
from daemon.evaluation.scores.calls import FAILURES, compare_calls
from daemon.evaluation.scores.fields import compare_fields

RECORDED = Path(__file__).parent / "recorded" / "calls.jsonl"
KEYS = ("name", "city", "Zoë", "東", "n.x", "")
VALUES: tuple[Any, ...] = (
    1,
    1.0,
    2,
    True,
    False,
    None,
    "a",
    "A ",
    "b  c",
    "1",
    "é",
    [],
    {},
    -0.0,
    0,
)


def value(order: random.Random, depth: int) -> Any:
    way = order.randrange(6) if depth else 0
    if way == 4:
        return {order.choice(KEYS): value(order, depth - 1) for _ in range(order.randrange(4))}
    if way == 5:
        return [value(order, depth - 1) for _ in range(order.randrange(4))]
    return order.choice(VALUES)


def record(order: random.Random) -> dict[str, Any]:
    return {key: value(order, 3) for key in order.sample(KEYS, order.randrange(len(KEYS)))}


def mutated(given: Any, order: random.Random) -> Any:
    if isinstance(given, dict):
        return {k: mutated(v, order) for k, v in given.items() if order.random() > 0.1}
    if isinstance(given, list):
        return [mutated(v, order) for v in given if order.random() > 0.1]
    return order.choice(VALUES) if order.random() < 0.15 else given


def stack_of(given: dict[str, Any]) -> list[tuple[tuple[Any, ...], str]]:
    """Return the leaves of a record by another way: a stack, and values as tagged texts."""
    found: list[tuple[tuple[Any, ...], str]] = []
    todo: list[tuple[tuple[Any, ...], Any]] = [((key,), inner) for key, inner in given.items()]
    while todo:
        path, inner = todo.pop()
        if isinstance(inner, dict) and len(inner):
            todo += [((*path, key), deeper) for key, deeper in inner.items()]
        elif isinstance(inner, list) and len(inner):
            for at, deeper in enumerate(inner):
                nested = type(deeper) in (dict, list)
                todo.append(((*path, at if nested else None), deeper))
        elif type(inner) in (int, float):
            found.append((path, f"number {float(inner) + 0.0}"))
        elif isinstance(inner, str):
            found.append((path, "text " + " ".join(inner.lower().split())))
        else:
            found.append((path, f"other {json.dumps(inner)}"))
    return found


def test_fields_agree_with_an_independent_count_on_random_records() -> None:
    order = random.Random(5)
    different = 0
    for _ in range(800):
        golden = record(order)
        answer = mutated(golden, order) if order.random() < 0.8 else record(order)
        found = compare_fields(json.dumps(golden), json.dumps(answer, indent=1))
        left, right = stack_of(golden), stack_of(answer)
        shared = sum(min(left.count(leaf), right.count(leaf)) for leaf in set(left))
        precision = shared / len(right) if right else float(not left)
        recall = shared / len(left) if left else float(not right)
        total = precision + recall
        assert found.valid and not found.fenced
        assert (found.precision, found.recall) == pytest.approx((precision, recall))
        assert found.f1 == pytest.approx(2 * precision * recall / total if total else 0.0)
        different += 0.0 < found.f1 < 1.0
    assert different > 250


@pytest.mark.parametrize(
    ("answer", "valid", "fenced", "f1"),
    [
        ('{"a": {"b": 1}}', True, False, 1.0),
        ('```json\n{"a": {"b": 1}}\n```', False, True, 1.0),
        ('```\n{"a": {"b": 1}}', False, True, 1.0),
        ('Here it is: {"a": {"b": 1}}', False, False, 0.0),
        ('[{"a": {"b": 1}}]', False, False, 0.0),
        ('{"a": {"b": NaN}}', False, False, 0.0),
        ('{"a": {"c": 1}}', True, False, 0.0),
        ("{}", True, False, 0.0),
        ("", False, False, 0.0),
        ("[" * 100_000, False, False, 0.0),
        ('{"a":' * 900 + "1" + "}" * 900, False, False, 0.0),
    ],
)
def test_a_record_must_be_json_and_nothing_else(
    answer: str, valid: bool, fenced: bool, f1: float
) -> None:
    found = compare_fields('{"a": {"b": 1}}', answer)
    assert (found.valid, found.fenced, found.f1) == (valid, fenced, f1)


def test_scalars_in_a_list_have_no_order_and_objects_have() -> None:
    assert compare_fields('{"a": [1, 2, 2]}', '{"a": [2, 1, 2]}').f1 == 1.0
    assert compare_fields('{"a": [1, 2, 2]}', '{"a": [2, 1, 1]}').f1 == pytest.approx(2 / 3)
    assert compare_fields('{"a": [{"b": 1}, {"b": 2}]}', '{"a": [{"b": 2}, {"b": 1}]}').f1 == 0.0


def test_right_calls_are_those_that_bfcl_takes_for_valid() -> None:
    cases = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").split("\n") if line]
    assert len(cases) == 600 and 150 < sum(case["valid"] for case in cases) < 450
    for case in cases:
        found = compare_calls(json.dumps(case["golden"]), json.dumps(case["answer"]))
        assert found.correct is case["valid"], case


TOOL = json.dumps(
    {
        "type": "function",
        "function": {
            "name": "light",
            "parameters": {"properties": {"room": {}, "colour": {}, "dim": {}}},
        },
    }
)
GOLDEN = '{"name": "light", "arguments": {"room": "attic", "dim": 20}}'


@pytest.mark.parametrize(
    "answer",
    [
        '{"name":"light","arguments":{"dim":20.0,"room":"Attic"}}',
        '<tool_call>\n{"name": "light", "arguments": {"room": "attic", "dim": 20}}\n</tool_call>',
        '<tool_call>{"name": "light", "arguments": {"room": "attic", "dim": 20}}',
        '[{"name": "light", "parameters": {"room": "attic", "dim": 20}}]',
        '{"function": "light", "arguments": {"room": "attic", "dim": 20}}',
        '{"tool_calls": [{"id": "1", "type": "function", "function": {"name": "light", '
        '"arguments": "{\\"room\\": \\"attic\\", \\"dim\\": 20}"}}]}',
    ],
)
def test_a_call_may_be_spelled_in_each_usual_way(answer: str) -> None:
    found = compare_calls(GOLDEN, answer, [TOOL])
    assert found.correct and found.argument_f1 == 1.0 and found.failures == ()


@pytest.mark.parametrize(
    ("answer", "failures", "f1"),
    [
        (f"```json\n{GOLDEN}\n```", {"markdown_wrapper": 1}, 1.0),
        (f"<tool_call>```json\n{GOLDEN}\n```</tool_call>", {"markdown_wrapper": 1}, 1.0),
        (
            """<tool_call name="light" arguments='{"room": "attic", "dim": 20}'/>""",
            {"self_closing_tag": 1},
            1.0,
        ),
        ("<tool_call/>", {"self_closing_tag": 1, "not_parsable": 1}, 0.0),
        ("I switch it on.", {"not_parsable": 1}, 0.0),
        ("", {"not_parsable": 1}, 0.0),
        ("[]", {"not_parsable": 1}, 0.0),
        ('{"name": "light", "arguments": ' * 400 + "1" + "}" * 400, {"not_parsable": 1}, 0.0),
        (GOLDEN[:-1], {"not_parsable": 1}, 0.0),
        (GOLDEN.replace("light", "lamp"), {"wrong_function": 1}, 0.0),
        (GOLDEN.replace("room", "area"), {"wrong_parameter_name": 1}, 0.5),
        (GOLDEN.replace('"room"', '"colour"'), {"extra_parameter": 1, "missing_parameter": 1}, 0.5),
        (GOLDEN.replace("20", '20, "mood": "warm"'), {"invented_parameter": 1}, 0.8),
        (GOLDEN.replace("20", '20, "colour": "red"'), {"extra_parameter": 1}, 0.8),
        (GOLDEN.replace(', "dim": 20', ""), {"missing_parameter": 1}, 2 / 3),
        (GOLDEN.replace("20", "21"), {"wrong_value": 1}, 0.5),
        (GOLDEN.replace("20", '"20"'), {"wrong_value": 1}, 0.5),
        (f"{GOLDEN}\n{GOLDEN}", {"extra_call": 1}, 2 / 3),
    ],
)
def test_each_failure_of_a_call_is_named(answer: str, failures: dict[str, int], f1: float) -> None:
    found = compare_calls(GOLDEN, answer, [TOOL])
    assert Counter(found.failures) == failures and set(failures) <= set(FAILURES)
    assert not found.correct and found.argument_f1 == pytest.approx(f1)


def test_several_calls_are_paired_by_what_they_agree_in() -> None:
    two = '[{"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": {"x": 2}}]'
    turned = '{"name": "f", "arguments": {"x": 2}}\n{"name": "f", "arguments": {"x": 1}}'
    assert compare_calls(two, turned).correct
    found = compare_calls(two, '{"name": "f", "arguments": {"x": 2}}')
    assert found.failures == ("missing_call",) and found.argument_f1 == pytest.approx(2 / 3)


def test_a_call_without_arguments_is_right_by_its_function() -> None:
    assert compare_calls('{"name": "f", "arguments": {}}', '{"name": "f"}').argument_f1 == 1.0
    assert compare_calls('{"name": "f", "arguments": {}}', '{"name": "g"}').argument_f1 == 0.0


def test_a_golden_answer_that_is_no_call_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a call"):
        compare_calls("Paris", "{}")
    assert read_calls("Paris").calls is None
