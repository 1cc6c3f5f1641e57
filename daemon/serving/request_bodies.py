"""Schemas of the request bodies, field by field."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from daemon.core.evaluation.sampling import Sampling
from daemon.core.records import JsonObject
from daemon.core.rows.examples import Turn
from daemon.core.workspace.version_names import CURRENT
from daemon.serving.answer_form import AnswerForm, NamedSchema
from daemon.serving.api.field_types import Count, Part, Stops, Whole, wrong
from daemon.serving.api.forms import ChatForm, ToolChoice, demanded_form
from daemon.serving.api.messages import Message, Tools
from daemon.serving.api.prompts_field import Prompt, TextOrTokens, prompts

MOST_MESSAGES = 2_000
MOST_ANSWERS, MOST_ALTERNATIVES = 128, 20
SEEDS = 2**63

Answers = Annotated[Whole, Field(ge=1, le=MOST_ANSWERS)]
"""How many answers to one prompt."""


class SamplingFields(Part):
    """How tokens are sampled: the fields all routes share."""

    max_tokens: Count | None = None
    temperature: float | None = Field(None, ge=0.0, le=2.0)
    top_p: float | None = Field(None, ge=0.0, le=1.0)
    top_k: Whole | None = Field(None, ge=-1)
    min_p: float | None = Field(None, ge=0.0, le=1.0)
    seed: Whole | None = Field(None, ge=-SEEDS, lt=SEEDS)
    stop: Stops | None = None
    stream: bool | None = None
    model: str | None = None

    @property
    def model_id(self) -> str:
        """The version to ask: `current` where none is named."""
        return CURRENT if self.model is None else self.model

    @property
    def requested_tokens(self) -> int | None:
        """The requested length of the answer; None if the request does not state one."""
        return self.max_tokens

    def sampling(self, max_tokens: int) -> Sampling:
        """Return how to sample; missing fields are as for `finetuned generate`."""
        default = Sampling(max_tokens)
        # Of no probability at all only the likeliest token is left.
        greedy = self.top_p == 0.0
        return Sampling(
            max_tokens,
            default.temperature if self.temperature is None or greedy else self.temperature,
            default.top_p if self.top_p is None or greedy else self.top_p,
            default.top_k if self.top_k is None else max(0, self.top_k),
            default.min_p if self.min_p is None else self.min_p,
            None if self.seed is None else self.seed % SEEDS,
            tuple(self.stop or ()),
        )


def _not_empty(value: int) -> int:
    if value == 0:
        wrong("must be at least 1, or -1 for as many as there is room for")
    return value


Positive = Annotated[int, Field(ge=1)]
AnswerCount = Annotated[
    Count, BeforeValidator(_not_empty, json_schema_input_type=Positive | Literal[-1])
]


class GenerateRequest(SamplingFields):
    """The body of `POST /generate`."""

    prompt: str = Field(min_length=1)
    system: str | None = None
    prefix: str | None = None
    max_tokens: AnswerCount | None = None
    schema_: JsonObject | None = Field(None, alias="schema")

    def form(self) -> AnswerForm | None:
        """Return the form that the answer must have."""
        return None if self.schema_ is None else AnswerForm(NamedSchema("schema", self.schema_))

    def turns(self) -> list[Turn]:
        """Return the conversation."""
        system = [] if self.system is None else [Turn("system", self.system)]
        return [*system, Turn("user", self.prompt)]


class StreamOptions(Part):
    """Options of a stream."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class OpenAIRequest(SamplingFields):
    """The fields that the routes of OpenAI's API share."""

    stream_options: StreamOptions | None = None

    @property
    def counts_usage(self) -> bool:
        """Whether a stream ends with a count of tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


class CompletionRequest(OpenAIRequest):
    """The body of `POST /v1/completions`; with `max_tokens` 0 a prompt is only scored."""

    prompt: Annotated[Any, BeforeValidator(prompts, json_schema_input_type=Prompt)]
    n: Answers | None = None
    best_of: Answers | None = None
    echo: bool | None = None
    logprobs: Annotated[Whole, Field(ge=0, le=MOST_ALTERNATIVES)] | Literal[False] | None = None

    @property
    def prompts(self) -> list[TextOrTokens]:
        """The texts to continue."""
        found: list[TextOrTokens] = self.prompt
        return found

    @property
    def alternatives(self) -> int | None:
        """How many of the likeliest tokens are scored with each token."""
        return None if self.logprobs is None or self.logprobs is False else self.logprobs

    @model_validator(mode="after")
    def _best_is_all(self) -> Self:
        if self.best_of is not None and self.best_of != (self.n or 1):
            wrong("best_of must be as large as n: answers are not chosen among more")
        return self


class ChatRequest(OpenAIRequest):
    """The body of `POST /v1/chat/completions`."""

    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    prefix: str | None = None
    max_tokens: AnswerCount | None = None
    max_completion_tokens: AnswerCount | None = None
    tools: Tools | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ChatForm | None = None
    n: Answers | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[Whole, Field(ge=0, le=MOST_ALTERNATIVES)] | None = None

    @model_validator(mode="after")
    def _alternatives_are_scored(self) -> Self:
        if self.top_logprobs and not self.logprobs:
            wrong("top_logprobs needs 'logprobs': true")
        return self

    @property
    def alternatives(self) -> int | None:
        """How many of the likeliest tokens are scored with each token."""
        return self.top_logprobs or 0 if self.logprobs else None

    def form(self) -> AnswerForm | None:
        """Return the form that the answer must have."""
        answer = self.response_format.named() if self.response_format else None
        functions = [tool.function for tool in self.tools or ()]
        return demanded_form(answer, functions, self.tool_choice, "tools[{}].function")

    @property
    def requested_tokens(self) -> int | None:
        """The requested length, under its new name or its old one."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    def turns(self) -> list[Turn]:
        """Return the conversation."""
        return [message.turn() for message in self.messages]

    def tool_texts(self) -> tuple[str, ...]:
        """Return the tools as chat templates take them."""
        return () if self.tool_choice == "none" else tuple(tool.text() for tool in self.tools or ())


class FeedbackRequest(Part):
    """The body of `POST /v1/feedback`."""

    id: str = Field(min_length=1, max_length=128)
    rating: Literal["good", "bad"]
    better: str | None = Field(None, min_length=1)
