"""The bodies of the server's answers as types: OpenAPI describes them, tests hold them true."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from daemon.core.records import JsonObject

Finish = Literal["stop", "length", "tool_calls"]


class AnswerPart(BaseModel):
    """An object of an answer; it has no other fields."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Problem(AnswerPart):
    """Why there is no answer."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(AnswerPart):
    """An error, in the form of OpenAI's API."""

    error: Problem


class Usage(AnswerPart):
    """Counts of tokens."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CalledFunction(AnswerPart):
    """A function with its arguments, a JSON object as text."""

    name: str
    arguments: str


class AnsweredCall(AnswerPart):
    """A tool call."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class AnswerMessage(AnswerPart):
    """The message of an answer."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    tool_calls: list[AnsweredCall] | None = None


class ChatChoice(AnswerPart):
    """One answer of a chat."""

    index: int
    message: AnswerMessage
    logprobs: JsonObject | None
    finish_reason: Finish


class ChatAnswer(AnswerPart):
    """The body that answers a chat."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    usage: Usage


class TextChoice(AnswerPart):
    """One continuation of a text."""

    index: int
    text: str
    logprobs: JsonObject | None
    finish_reason: Literal["stop", "length"]


class TextAnswer(AnswerPart):
    """The body that answers a completion."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[TextChoice]
    usage: Usage


class PlainAnswer(AnswerPart):
    """The body that answers `/generate`."""

    text: str
    version: str
    model: str
    tokens: int
    prompt_tokens: int
    finish_reason: Literal["stop", "length"]


class ResponseAnswer(AnswerPart):
    """The body that answers `/v1/responses`."""

    id: str
    object: Literal["response"]
    created_at: int
    status: Literal["completed", "incomplete", "in_progress", "failed"]
    error: JsonObject | None
    incomplete_details: JsonObject | None
    instructions: str | None
    max_output_tokens: int | None
    model: str
    output: list[JsonObject]
    parallel_tool_calls: bool
    previous_response_id: None
    temperature: float | None
    top_p: float | None
    text: JsonObject
    tool_choice: str | JsonObject
    tools: list[JsonObject]
    truncation: Literal["disabled"]
    metadata: JsonObject
    usage: JsonObject | None


class ModelAnswer(AnswerPart):
    """A version that can be asked."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: Literal["finetuned"]
    root: str


class ModelList(AnswerPart):
    """What can be asked."""

    object: Literal["list"]
    data: list[ModelAnswer]


class Recorded(AnswerPart):
    """Feedback was taken."""

    recorded: Literal[True]
