"""The fields that demand a form of an answer: `response_format`, `text.format`, `tool_choice`."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BeforeValidator, Field, model_validator

from daemon.core.records import JsonObject
from daemon.serving.answer_form import AnswerForm, NamedSchema, form_of, tool_schema
from daemon.serving.api.field_types import Part, wrong

ANY_OBJECT: JsonObject = {"type": "object"}
CHOICES = "'auto', 'none', 'required', or {'type': 'function'} with the name of a tool"


class FunctionLike(Protocol):
    """A function that is offered, as every route writes it."""

    name: str
    parameters: JsonObject | None
    strict: bool | None


def _choice(value: Any) -> Any:
    if value in ("auto", "none", "required"):
        return value
    if value == "any":
        # As Mistral's clients write it.
        return "required"
    if isinstance(value, dict) and value.get("type") == "function":
        function = value.get("function", value)
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str):
            return f"#{name}"
    wrong(f"must be {CHOICES}")


class ChosenFunction(Part):
    """A function by its name."""

    name: str


class ChosenTool(Part):
    """A tool that must be called, as chats write it."""

    type: Literal["function"]
    function: ChosenFunction


class ChosenName(Part):
    """A tool that must be called, as responses write it."""

    type: Literal["function"]
    name: str


ToolChoice = Annotated[
    str,
    BeforeValidator(
        _choice,
        json_schema_input_type=Literal["auto", "none", "required"] | ChosenTool | ChosenName,
    ),
]
"""`auto`, `none`, `required`, or the name of a tool after `#`."""


class NamedForm(Part):
    """A schema with a name, as OpenAI wraps it."""

    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    schema_: JsonObject = Field(alias="schema")


class ChatForm(Part):
    """The form of a chat's answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedForm | None = None

    @model_validator(mode="after")
    def _has_a_schema(self) -> Self:
        if self.type == "json_schema" and self.json_schema is None:
            wrong("needs 'json_schema'")
        return self

    def named(self) -> NamedSchema | None:
        """Return the schema of the answer; None if it is text."""
        if self.type == "json_schema" and self.json_schema is not None:
            return NamedSchema("response_format.json_schema.schema", self.json_schema.schema_)
        return NamedSchema("response_format", ANY_OBJECT) if self.type != "text" else None


class TextForm(Part):
    """The form of a response's text."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    schema_: JsonObject | None = Field(None, alias="schema")

    @model_validator(mode="after")
    def _has_a_schema(self) -> Self:
        if self.type == "json_schema" and self.schema_ is None:
            wrong("needs 'schema'")
        return self

    def named(self) -> NamedSchema | None:
        """Return the schema of the answer; None if it is text."""
        if self.type == "text":
            return None
        schema = self.schema_ if self.type == "json_schema" else None
        return NamedSchema("text.format.schema" if schema else "text.format", schema or ANY_OBJECT)


def demanded_form(
    answer: NamedSchema | None,
    functions: Iterable[FunctionLike],
    choice: str | None,
    place: str,
) -> AnswerForm | None:
    """Return the form that an answer must have; `place` is where a tool's function stands."""
    tools = [
        (
            function.name,
            tool_schema(f"{place.format(number)}.parameters", function.parameters),
            bool(function.strict),
        )
        for number, function in enumerate(functions)
    ]
    return form_of(answer, tools, choice)
