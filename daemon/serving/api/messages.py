"""The messages and tools of a chat request, and the turns that chat templates take."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call, Role, Turn, compact
from daemon.serving.api.field_types import Part, Whole, wrong

NOT_TEXT = {
    "image_url": "pictures are not supported",
    "input_image": "pictures are not supported",
    "image": "pictures are not supported",
    "video_url": "films are not supported",
    "input_audio": "sound is not supported",
    "file": "files are not supported",
    "input_file": "files are not supported",
}
ROLES = "'system', 'developer', 'user', 'assistant' or 'tool'"


def _text_kind(value: Any) -> Any:
    if not isinstance(value, str) or value in ("text", "input_text", "output_text"):
        return value
    wrong(f"is no text: {NOT_TEXT.get(value, 'parts of a message have the type text')}")


def _as_parts(value: Any) -> Any:
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    if value is None or isinstance(value, list):
        return value
    wrong("must be text, or a list of parts with text")


def _no_call(value: Any) -> Any:
    if value is None:
        return value
    wrong("is the old form of calls: send 'tool_calls'")


def _no_sound(value: Any) -> Any:
    if value is None:
        return value
    wrong("is not supported: messages are text")


class TextPart(Part):
    """A part of a message."""

    type: Annotated[
        str,
        BeforeValidator(
            _text_kind, json_schema_input_type=Literal["text", "input_text", "output_text"]
        ),
    ]
    text: str


def _as_text(value: Any) -> Any:
    return compact(value) if isinstance(value, dict) else value


def _of_an_object(value: str) -> str:
    try:
        arguments = json.loads(value)
        if not isinstance(arguments, dict):
            raise ValueError("no object")
        return compact(arguments)
    except (ValueError, RecursionError):
        wrong("must be a JSON object, as text")


class Function(Part):
    """A function that the model called earlier."""

    name: str = Field(min_length=1, max_length=256)
    arguments: Annotated[
        str,
        BeforeValidator(_as_text, json_schema_input_type=JsonObject | str),
        AfterValidator(_of_an_object),
    ]


class ToolCall(Part):
    """A call in an earlier answer."""

    id: str | None = None
    type: Literal["function"] = "function"
    function: Function
    index: Whole | None = None


_ASSISTANT: JsonDict = {"properties": {"role": {"const": "assistant"}}}
_WITH_CONTENT: JsonDict = {
    "required": ["content"],
    "properties": {"content": {"type": ["string", "array"]}},
}


class Message(Part):
    """One message of a conversation."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_ASSISTANT, _WITH_CONTENT]})

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[
        list[TextPart] | None,
        BeforeValidator(_as_parts, json_schema_input_type=str | list[TextPart] | None),
    ] = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    audio: Annotated[None, BeforeValidator(_no_sound)] = None
    function_call: Annotated[None, BeforeValidator(_no_call)] = None
    refusal: str | None = None

    @model_validator(mode="after")
    def _require_content(self) -> Self:
        # An assistant's turn may be empty: user interfaces keep those that were stopped.
        if self.content is None and self.role != "assistant":
            wrong("needs 'content'")
        return self

    def turn(self) -> Turn:
        """Return the message as chat templates take it."""
        role: Role = "system" if self.role == "developer" else self.role
        text = "".join(part.text for part in self.content or ())
        calls = tuple(
            Call(call.function.name, call.function.arguments) for call in self.tool_calls or ()
        )
        return Turn(role, text or self.refusal or "", calls=calls)


class ToolFunction(Part):
    """The definition of a tool."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class Tool(Part):
    """Something the model may call."""

    type: Literal["function"]
    function: ToolFunction

    def text(self) -> str:
        """Return it as chat templates take it."""
        known = {"name", "description", "parameters"}
        function = self.function.model_dump(include=known, exclude_none=True)
        return compact({"type": self.type, "function": function})


Tools = Annotated[list[Tool], Field(max_length=128)]
