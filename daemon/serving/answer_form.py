"""The form that an answer must have: a JSON schema, a tool call, or either."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.core.records import JsonObject
from daemon.serving.generation import RequestRefused, refused
from daemon.text.token_constraint import (
    Grammars,
    SchemaRefused,
    TokenConstraint,
    json_grammar,
)


@dataclass(frozen=True)
class NamedSchema:
    """A schema, and the request's field that it stands in."""

    field: str
    schema: JsonObject


@dataclass(frozen=True)
class AnswerForm:
    """What a request demands of the form of its answer."""

    json: NamedSchema | None = None
    """Of an answer that is text."""
    calls: tuple[tuple[str, NamedSchema], ...] = ()
    """The tools that a call may name, each with its arguments' schema."""
    must_call: bool = False
    """Whether the answer must be a call."""

    @property
    def is_optional(self) -> bool:
        """Whether any text will do, and only a call has a form."""
        return self.json is None and not self.must_call

    def constraint(self, grammars: Grammars) -> TokenConstraint:
        """Return what holds an answer to this form.

        Raises:
            RequestRefused: a schema cannot be followed; the message names its part.
        """
        named = [*(schema for _, schema in self.calls), *([self.json] if self.json else [])]
        checked = [_checked(one) for one in named]
        text = self.json.schema if self.json is not None else None
        grammar = checked[0]
        if self.calls:
            grammar = grammars.call_grammar(self._call_schema(), text, must=self.must_call)
        try:
            return grammars.constraint(grammar, text=self.is_optional)
        except SchemaRefused as no:
            raise _refusal(named[0].field, no) from no

    def _call_schema(self) -> JsonObject:
        """Return what JSON a call is."""
        forms = [_call(name, arguments.schema) for name, arguments in self.calls]
        return forms[0] if len(forms) == 1 else {"anyOf": forms}


def tool_schema(field: str, parameters: JsonObject | None) -> NamedSchema:
    """Return the schema of a tool's arguments; they are always an object."""
    return NamedSchema(field, {"type": "object", **(parameters or {})})


def _call(name: str, arguments: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": {"name": {"const": name}, "arguments": _moved(name, arguments)},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _moved(name: str, schema: JsonObject) -> JsonObject:
    """Return a schema as a document of its own: its references stay inside it."""
    return {**schema, "$id": f"urn:tool:{name}"} if "$ref" in json.dumps(schema) else schema


def _checked(named: NamedSchema) -> str:
    try:
        return json_grammar(named.schema)
    except SchemaRefused as no:
        raise _refusal(named.field, no) from no


def _refusal(field: str, no: SchemaRefused) -> RequestRefused:
    place = field + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in no.place
    )
    message = f"{place} cannot be followed: {no.why}"
    return refused(422, "unsupported_schema", message, field=place[:300])


def form_of(
    answer: NamedSchema | None, tools: Sequence[tuple[str, NamedSchema, bool]], choice: str | None
) -> AnswerForm | None:
    """Return the form that a request's fields demand; None if any answer will do.

    `tools` are names, schemas, and whether they are strict; `choice` is `required`, `auto`, `none`
    or a tool's name after `#`.

    Raises:
        RequestRefused: a call is demanded of a tool that is not offered.
    """
    choice = choice or "auto"
    if choice in ("auto", "none"):
        offered = [] if choice == "none" else list(tools)
        if answer is None and not any(strict for _, _, strict in offered):
            return None
        loose = {name: NamedSchema(schema.field, {"type": "object"}) for name, schema, _ in tools}
        calls = tuple((name, s if strict else loose[name]) for name, s, strict in offered)
        return AnswerForm(answer, calls)
    name = choice.removeprefix("#")
    wanted = tuple((n, schema) for n, schema, _ in tools if choice == "required" or n == name)
    if not wanted:
        what = "any tool: none is offered" if choice == "required" else "a tool that is not offered"
        message = f"tool_choice demands a call of {what}"
        raise refused(422, "invalid_value", message, field="tool_choice")
    return AnswerForm(None, wanted, must_call=True)
