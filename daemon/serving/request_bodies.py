"""Schemas of the request bodies, field by field.

Unknown fields are errors. A field of OpenAI's API that this server does not support is accepted
only with the value that requests nothing.
"""

import json
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from daemon.core.evaluation.sampling import Sampling
from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call, Role, Turn, compact
from daemon.serving.generation import refused

MOST_TOKENS = 1_000_000
MOST_MESSAGES = 2_000
Stop = Annotated[str, Field(min_length=1, max_length=256)]
Body = TypeVar("Body", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )


class SamplingFields(_Part):
    """How tokens are sampled: the fields all routes share."""

    max_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    temperature: float | None = Field(None, ge=0.0, le=2.0)
    top_p: float | None = Field(None, gt=0.0, le=1.0)
    top_k: int | None = Field(None, ge=0, le=MOST_TOKENS)
    min_p: float | None = Field(None, ge=0.0, le=1.0)
    seed: int | None = Field(None, ge=0, lt=2**63)
    stop: Stop | Annotated[list[Stop], Field(max_length=16)] | None = None
    stream: bool | None = None

    @property
    def requested_tokens(self) -> int | None:
        """The requested length of the answer; None where the request does not state one."""
        return self.max_tokens

    def sampling(self, max_tokens: int) -> Sampling:
        """Return how to sample; missing fields are as for `finetuned generate`."""
        default = Sampling(max_tokens)
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Sampling(
            max_tokens,
            default.temperature if self.temperature is None else self.temperature,
            default.top_p if self.top_p is None else self.top_p,
            default.top_k if self.top_k is None else self.top_k,
            default.min_p if self.min_p is None else self.min_p,
            self.seed,
            tuple(stops),
        )


class GenerateRequest(SamplingFields):
    """The body of `POST /generate`."""

    prompt: str = Field(min_length=1)
    system: str | None = None
    prefix: str | None = None
    model: str = "current"

    def turns(self) -> list[Turn]:
        """Return the conversation."""
        system = [] if self.system is None else [Turn("system", self.system)]
        return [*system, Turn("user", self.prompt)]


class StreamOptions(_Part):
    """Options of a stream."""

    include_usage: bool = False
    include_obfuscation: bool | None = None


class OpenAIRequest(SamplingFields):
    """The fields that both OpenAI routes share; those after `logit_bias` have no effect here."""

    model: str
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    presence_penalty: Annotated[float, Field(ge=0.0, le=0.0)] | None = None
    frequency_penalty: Annotated[float, Field(ge=0.0, le=0.0)] | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @property
    def counts_usage(self) -> bool:
        """Whether a stream ends with a count of tokens."""
        return self.stream_options is not None and self.stream_options.include_usage


class CompletionRequest(OpenAIRequest):
    """The body of `POST /v1/completions`."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=1)]
    echo: Literal[False] | None = None
    best_of: Literal[1] | None = None
    logprobs: None = None
    suffix: None = None

    @property
    def text(self) -> str:
        """The text to continue."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]


class TextPart(_Part):
    """A part of a message."""

    type: Literal["text"]
    text: str


class Function(_Part):
    """A function that the model called earlier."""

    name: str = Field(min_length=1, max_length=256)
    arguments: str


class ToolCall(_Part):
    """A call in an earlier answer."""

    id: str
    type: Literal["function"]
    function: Function
    index: int | None = None


class Message(_Part):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: None = None
    audio: None = None
    annotations: list[object] | None = None
    function_call: None = None

    @model_validator(mode="after")
    def _require_content(self) -> Self:
        if self.content is None and not self.tool_calls:
            raise ValueError("a message needs content or tool_calls")
        return self

    def turn(self) -> Turn:
        """Return the message as chat templates take it."""
        role: Role = "system" if self.role == "developer" else self.role
        parts = self.content if isinstance(self.content, list) else []
        text = "".join(part.text for part in parts) if parts else self.content or ""
        calls = tuple(_call(call.function) for call in self.tool_calls or ())
        return Turn(role, str(text), calls=calls)


def _call(function: Function) -> Call:
    try:
        arguments = json.loads(function.arguments)
        if not isinstance(arguments, dict):
            raise ValueError("no object")
        return Call(function.name, compact(arguments))
    except (ValueError, RecursionError) as error:
        message = "the arguments of a tool call must be a JSON object, as text"
        raise refused(422, "invalid_value", message, field="messages.tool_calls") from error


class ToolFunction(_Part):
    """The definition of a tool."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    description: str | None = None
    parameters: JsonObject | None = None
    strict: Literal[False] | None = None


class Tool(_Part):
    """Something the model may call."""

    type: Literal["function"]
    function: ToolFunction


class TextFormat(_Part):
    """The only supported response format."""

    type: Literal["text"]


class ChatRequest(OpenAIRequest):
    """The body of `POST /v1/chat/completions`."""

    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    prefix: str | None = None
    max_completion_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    tools: Annotated[list[Tool], Field(max_length=128)] | None = None
    tool_choice: Literal["auto", "none"] | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | None = None
    logprobs: Literal[False] | None = None
    top_logprobs: None = None
    reasoning_effort: None = None

    @property
    def requested_tokens(self) -> int | None:
        """The requested length, under its new name or its old one."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    def turns(self) -> list[Turn]:
        """Return the conversation."""
        return [message.turn() for message in self.messages]

    def tool_texts(self) -> tuple[str, ...]:
        """Return the tools as chat templates take them."""
        if self.tool_choice == "none":
            return ()
        return tuple(compact(tool.model_dump(exclude_none=True)) for tool in self.tools or ())


def validated(kind: type[Body], body: Any) -> Body:
    """Return the request that a body describes.

    Raises:
        RequestRefused: it describes none; the message names the first mistake and its field.
    """
    if not isinstance(body, dict):
        raise refused(422, "invalid_type", "the body must be a JSON object")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        # Never the value: it may be a whole conversation.
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:128] or None
        where = f"{field}: " if field else ""
        raise refused(422, "invalid_value", f"{where}{first['msg']}", field=field) from error
