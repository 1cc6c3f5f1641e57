"""The body of `POST /v1/responses`: its items, and the conversation that they are."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call, Turn, compact
from daemon.serving.answer_form import AnswerForm
from daemon.serving.api.field_types import SENTENCE, TAG, Part, wrong
from daemon.serving.api.forms import TextForm, ToolChoice, demanded_form
from daemon.serving.api.messages import Function, Message, TextPart
from daemon.serving.request_bodies import MOST_MESSAGES, AnswerCount, SamplingFields

CALL, RESULT, THOUGHT = "function_call", "function_call_output", "reasoning"


def _no_memory(value: Any) -> Any:
    if value is not None:
        wrong("is not supported: nothing is kept of a response, so send the conversation as input")
    return value


def _in_front(value: Any) -> Any:
    if value in (None, False):
        return None
    wrong("must be false: a response is made while its client waits")


def _as_items(value: Any) -> Any:
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


def _result(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return "".join(str(part.get("text", "")) for part in value)
    return value


class CallItem(Function):
    """A call in an earlier response."""

    type: Literal["function_call"]
    call_id: str | None = None
    id: str | None = None
    status: str | None = None


class ResultItem(Part):
    """What a call came to."""

    type: Literal["function_call_output"]
    output: Annotated[str, BeforeValidator(_result, json_schema_input_type=str | list[TextPart])]
    call_id: str | None = None
    id: str | None = None
    status: str | None = None


class ThoughtItem(Part):
    """What a model thought before; it is no part of the conversation."""

    type: Literal["reasoning"]


class MessageItem(Message):
    """A message of the conversation."""

    type: Literal["message"] = "message"
    id: str | None = None
    status: str | None = None
    phase: str | None = None


def _tag(value: Any) -> str | None:
    kind = value.get("type", "message") if isinstance(value, dict) else None
    return f"{TAG}{kind}" if kind in ("message", CALL, RESULT, THOUGHT) else None


Item = Annotated[
    Annotated[MessageItem, Tag(f"{TAG}message")]
    | Annotated[CallItem, Tag(f"{TAG}{CALL}")]
    | Annotated[ResultItem, Tag(f"{TAG}{RESULT}")]
    | Annotated[ThoughtItem, Tag(f"{TAG}{THOUGHT}")],
    Discriminator(
        _tag,
        custom_error_type=SENTENCE,
        custom_error_message="{sentence}",
        custom_error_context={"sentence": "must be a message, a call, or the result of one"},
    ),
]


class FunctionTool(Part):
    """A function that the model may call, as this route writes it."""

    type: Literal["function"]
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None

    def text(self) -> str:
        """Return it as chat templates take it."""
        known = {"name", "description", "parameters"}
        function = self.model_dump(include=known, exclude_none=True)
        return compact({"type": self.type, "function": function})


class TextOptions(Part):
    """The form of the text."""

    format: TextForm | None = None


_Items = Annotated[list[MessageItem | CallItem | ResultItem | ThoughtItem], Field(min_length=1)]
"""The same as clients write them."""


class ResponsesRequest(SamplingFields):
    """The body of `POST /v1/responses`."""

    input: Annotated[
        list[Item],
        Field(min_length=1, max_length=MOST_MESSAGES),
        BeforeValidator(_as_items, json_schema_input_type=str | _Items),
    ]
    instructions: str | None = None
    max_output_tokens: AnswerCount | None = None
    previous_response_id: Annotated[None, BeforeValidator(_no_memory)] = None
    conversation: Annotated[None, BeforeValidator(_no_memory)] = None
    background: Annotated[None, BeforeValidator(_in_front)] = None
    tools: Annotated[list[FunctionTool], Field(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None

    @property
    def requested_tokens(self) -> int | None:
        """The requested length, as this route names it or as others do."""
        return self.max_tokens if self.max_output_tokens is None else self.max_output_tokens

    def turns(self) -> list[Turn]:
        """Return the conversation; calls that follow each other are one turn."""
        found = [] if self.instructions is None else [Turn("system", self.instructions)]
        for item in self.input:
            if isinstance(item, MessageItem):
                found.append(item.turn())
            elif isinstance(item, ResultItem):
                found.append(Turn("tool", item.output))
            elif isinstance(item, CallItem):
                _add_call(found, Call(item.name, item.arguments))
        return found

    def form(self) -> AnswerForm | None:
        """Return the form that the answer must have."""
        answer = self.text.format.named() if self.text and self.text.format else None
        return demanded_form(answer, self.tools or (), self.tool_choice, "tools[{}]")

    def tool_texts(self) -> tuple[str, ...]:
        """Return the tools as chat templates take them."""
        return () if self.tool_choice == "none" else tuple(tool.text() for tool in self.tools or ())


def _add_call(turns: list[Turn], call: Call) -> None:
    last = turns[-1] if turns else None
    if last is not None and last.role == "assistant":
        turns[-1] = replace(last, calls=(*last.calls, call))
    else:
        turns.append(Turn("assistant", "", calls=(call,)))
