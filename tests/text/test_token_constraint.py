"""Grammars of JSON schemas: whatever is chosen among the allowed tokens follows the schema."""

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.records import JsonObject
from daemon.layout import Layout
from daemon.text.token_constraint import (
    MOST_SCHEMA_CHARACTERS,
    Grammars,
    SchemaRefused,
    TokenConstraint,
    json_grammar,
)
from daemon.training.engine.stub_base import make_base

LEAVES = st.sampled_from(
    [
        {"type": "boolean"},
        {"type": "null"},
        {"type": "integer", "minimum": -3, "maximum": 40},
        {"type": "string", "maxLength": 3},
        {"enum": ["a", 1, None, "ü\n"]},
        {"const": {"x": [1.5]}},
        {"type": "string", "format": "date"},
        {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^[ab]{2}$"}]},
    ]
)


def _object(parts: list[Any]) -> Any:
    names = [f"p {number}" for number in range(len(parts))]
    return {
        "type": "object",
        "properties": dict(zip(names, parts, strict=True)),
        "required": names[::2],
    }


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(_object),
        inner.map(lambda item: {"type": "array", "items": item, "maxItems": 2}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts}),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def grammars(tmp_path_factory: pytest.TempPathFactory) -> Grammars:
    layout = Layout(tmp_path_factory.mktemp("w"))
    layout.bases.mkdir(parents=True)
    return Grammars.load(layout.base(make_base(layout, "tiny").name))


def wander(constraint: TokenConstraint, seed: int, most: int = 3000) -> str:
    """Choose at random among the allowed tokens until the answer ends."""
    chance = random.Random(seed)
    tokens: list[int] = []
    while len(tokens) < most:
        bits = np.unpackbits(constraint.mask().view(np.uint8), bitorder="little")
        token = chance.choice(bits.nonzero()[0].tolist())
        if constraint.take(token):
            return constraint.text(tokens)
        tokens.append(token)
    raise AssertionError("it does not end")


@settings(max_examples=60)
@given(schema=SCHEMAS, seed=st.integers(0, 9))
def test_every_walk_through_the_allowed_tokens_is_valid(
    grammars: Grammars, schema: Any, seed: int
) -> None:
    constraint = grammars.constraint(json_grammar(schema))
    jsonschema.validate(json.loads(wander(constraint.copy(), seed)), schema)
    short = constraint.copy()
    jsonschema.validate(json.loads(short.text(short.shortest(3000))), schema)


def test_copies_go_on_by_themselves(grammars: Grammars) -> None:
    one = grammars.constraint(json_grammar({"enum": ["ab", "cd"]}))
    other = one.copy()
    assert wander(one, 1) in ('"ab"', '"cd"') and wander(other, 2) in ('"ab"', '"cd"')
    assert grammars.constraint(json_grammar({"enum": ["ab", "cd"]})).fault is None


def test_an_object_that_lists_its_properties_gets_no_others(grammars: Grammars) -> None:
    """A small model went on inventing properties until its answer was cut."""
    schema = _object([{"type": "boolean"}])
    for seed in range(5):
        answer = json.loads(wander(grammars.constraint(json_grammar(schema)), seed))
        assert set(answer) == {"p 0"}
    merged: JsonObject = {"allOf": [schema, {"properties": {"q": {"const": 1}}, "required": ["q"]}]}
    short = grammars.constraint(json_grammar(merged))
    assert set(json.loads(short.text(short.shortest(300)))) == {"p 0", "q"}


@pytest.mark.parametrize(
    ("schema", "place", "word"),
    [
        ({"type": "objekt"}, (), "objekt"),
        ({"properties": {"a": {"not": {}}}}, ("properties", "a"), "not"),
        ({"anyOf": [{}, {"uniqueItems": True}]}, ("anyOf", 1), "uniqueItems"),
        (
            {"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"if": {}, "then": {}}}},
            ("$defs", "a"),
            "if",
        ),
        ({"properties": {"a": {"pattern": "(?=x)", "type": "string"}}}, ("properties", "a"), "loo"),
        ({"$ref": "#/$defs/none"}, (), "none"),
        ({"enum": ["x" * MOST_SCHEMA_CHARACTERS]}, (), "longer"),
        ({"minimum": 5, "maximum": 4, "type": "number"}, (), "5"),
    ],
)
def test_what_cannot_be_followed_is_named_by_its_place(
    schema: Any, place: tuple[str | int, ...], word: str
) -> None:
    with pytest.raises(SchemaRefused) as no:
        json_grammar(schema)
    assert no.value.place == place and word in no.value.why


def test_a_calls_marks_are_those_of_the_plain_form(grammars: Grammars) -> None:
    call: JsonObject = {
        "type": "object",
        "properties": {"name": {"const": "f"}},
        "required": ["name"],
    }
    must = grammars.constraint(grammars.call_grammar(call, None, must=True))
    text = must.text(must.shortest(300))
    assert text.startswith("<tool_call>") and text.endswith("</tool_call>")
    either = grammars.call_grammar(call, {"type": "boolean"}, must=False)
    assert {wander(grammars.constraint(either), seed)[0] for seed in range(30)} > {"<", "t"}


def test_a_folder_without_a_tokenizer_is_no_base(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no tokenizer"):
        Grammars.load(tmp_path)


def test_a_string_that_goes_in_circles_is_ended(grammars: Grammars) -> None:
    """Seven of a hundred answers of a small model ran into their limit by `john-john-john-…`."""
    schema: JsonObject = {"type": "array", "items": {"type": "string"}, "maxItems": 1}
    constraint = grammars.constraint(json_grammar(schema))
    for char in '["' + "john-" * 11 + "john":
        constraint.take(allowed(constraint)[char])
    assert len(allowed(constraint)) > 50
    constraint.take(allowed(constraint)["-"])
    assert all(text.startswith('"') for text in allowed(constraint))
    constraint.take(allowed(constraint)['"'])
    assert "]" in allowed(constraint)
    rule = grammars.constraint(json_grammar(schema))
    for char in '["' + "-" * 40:
        rule.take(allowed(rule)[char])
    assert "-" in allowed(rule)
    text = grammars.constraint(grammars.call_grammar(schema, None, must=False), text=True)
    for char in "-" * 80:
        text.take(allowed(text)[char])
    assert "-" in allowed(text)


def allowed(constraint: TokenConstraint) -> dict[str, int]:
    """Return the tokens that may come next, by their text."""
    bits = np.unpackbits(constraint.mask().view(np.uint8), bitorder="little")
    return {constraint.text([token]): token for token in bits.nonzero()[0].tolist()}
