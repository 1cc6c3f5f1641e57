"""Response bodies of OpenAI's chat and completions and of `/generate`, whole and streamed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call
from daemon.core.workspace.version_names import CURRENT
from daemon.serving.errors import error_record
from daemon.serving.generation import (
    AnswerDelta,
    Finish,
    RequestError,
    ServedVersion,
    TokenScore,
)
from daemon.serving.score_formats import chat_logprobs, echoed_text, text_logprobs

ID_PREFIXES = {
    "chat.completion": "chatcmpl",
    "chat.completion.chunk": "chatcmpl",
    "text_completion": "cmpl",
}
"""As OpenAI begins an answer's id, by its kind."""


@dataclass(frozen=True)
class AnswerParts:
    """A whole answer."""

    text: str
    tokens: int
    finish: Finish
    calls: tuple[Call, ...] = ()
    scores: tuple[TokenScore, ...] = ()


@dataclass(frozen=True)
class Frame:
    """The fields that every part of one request's answers repeats."""

    id: str
    created_s: int
    subject: ServedVersion
    prompt_tokens: int
    answers: int = 1
    """How many answers the request gets."""

    def head(self, kind: str) -> JsonObject:
        """Return the leading fields."""
        return {
            "id": f"{ID_PREFIXES[kind]}-{self.id}",
            "object": kind,
            "created": self.created_s,
            "model": self.subject.model,
            "system_fingerprint": self.subject.version,
        }

    def usage(self, tokens: int) -> dict[str, int]:
        """Return the count of tokens."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": tokens,
            "total_tokens": self.prompt_tokens + tokens,
        }


class ResponseFormat(Protocol):
    """How one route formats its answers."""

    @property
    def named_events(self) -> bool:
        """Whether a stream's events carry their type as a name, and none is `[DONE]`."""
        ...

    def whole(self, frame: Frame, answers: Sequence[AnswerParts]) -> JsonObject:
        """Return the whole answers."""
        ...

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return the first events of a stream."""
        ...

    def delta(self, frame: Frame, index: int, delta: AnswerDelta) -> list[JsonObject]:
        """Return the events of a delta of one answer."""
        ...

    def error(self, frame: Frame, trouble: RequestError) -> list[JsonObject]:
        """Return the event that ends a stream with an error."""
        ...

    def closing(self, frame: Frame) -> list[JsonObject]:
        """Return the last events of a stream whose answers have ended."""
        ...

    def usage(self, frame: Frame, tokens: int) -> list[JsonObject]:
        """Return the events that count tokens, the last of a stream that requested it."""
        ...


class PlainEvents:
    """Streams whose events are told apart by what they hold."""

    named_events = False

    def error(self, frame: Frame, trouble: RequestError) -> list[JsonObject]:
        """Return the error."""
        return [error_record(trouble)]

    def closing(self, frame: Frame) -> list[JsonObject]:
        """Return nothing."""
        return []


class ChatFormat(PlainEvents):
    """`POST /v1/chat/completions`."""

    def __init__(self, scores: bool = False) -> None:
        """With `scores` the tokens' log-probabilities are part of the answer."""
        self._scores = scores

    def whole(self, frame: Frame, answers: Sequence[AnswerParts]) -> JsonObject:
        """Return the whole answers."""
        return frame.head("chat.completion") | {
            "choices": [self._choice(frame, *numbered) for numbered in enumerate(answers)],
            "usage": frame.usage(sum(answer.tokens for answer in answers)),
        }

    def _choice(self, frame: Frame, index: int, answer: AnswerParts) -> JsonObject:
        message: JsonObject = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.calls:
            message["content"] = answer.text or None
            message["tool_calls"] = list(_calls(frame, index, answer.calls))
        finish = "tool_calls" if answer.calls else answer.finish
        logprobs = chat_logprobs(answer.scores) if self._scores else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish}

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return the role."""
        role: JsonObject = {"role": "assistant", "content": ""}
        return [self._chunk(frame, index, role, None) for index in range(frame.answers)]

    def delta(self, frame: Frame, index: int, delta: AnswerDelta) -> list[JsonObject]:
        """Return the new text, the calls, and the end."""
        events = []
        scores = delta.scores if self._scores else ()
        if delta.text or scores:
            events.append(self._chunk(frame, index, {"content": delta.text}, None, scores))
        if delta.calls:
            numbered = enumerate(_calls(frame, index, delta.calls))
            calls = [{"index": number, **call} for number, call in numbered]
            events.append(self._chunk(frame, index, {"tool_calls": calls}, None))
        if delta.finish is not None:
            finish = "tool_calls" if delta.calls else delta.finish
            events.append(self._chunk(frame, index, {}, finish))
        return events

    def usage(self, frame: Frame, tokens: int) -> list[JsonObject]:
        """Return the token counts."""
        head = frame.head("chat.completion.chunk")
        return [head | {"choices": [], "usage": frame.usage(tokens)}]

    def _chunk(
        self,
        frame: Frame,
        index: int,
        delta: JsonObject,
        finish: str | None,
        scores: Sequence[TokenScore] = (),
    ) -> JsonObject:
        logprobs = chat_logprobs(scores) if scores else None
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return frame.head("chat.completion.chunk") | {"choices": [choice]}


def _calls(frame: Frame, index: int, calls: Iterable[Call]) -> Iterable[JsonObject]:
    for number, call in enumerate(calls):
        yield {
            "id": call_id(frame, index, number),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }


def call_id(frame: Frame, index: int, number: int) -> str:
    """Return the id of a call."""
    return f"call_{frame.id[:16]}{index:04d}{number:04d}"


class CompletionFormat(PlainEvents):
    """`POST /v1/completions`."""

    def __init__(self, echo: bool = False, scores: bool = False) -> None:
        """With `echo` the prompt stands before its answer."""
        self._echo = echo
        self._scores = scores
        self._offsets: dict[int, int] = {}

    def whole(self, frame: Frame, answers: Sequence[AnswerParts]) -> JsonObject:
        """Return the whole answers."""
        choices = [
            self._choice(index, answer.text, answer.finish, answer.scores)
            for index, answer in enumerate(answers)
        ]
        usage = frame.usage(sum(answer.tokens for answer in answers))
        return frame.head("text_completion") | {"choices": choices, "usage": usage}

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return nothing."""
        return []

    def delta(self, frame: Frame, index: int, delta: AnswerDelta) -> list[JsonObject]:
        """Return the new text, or the end."""
        choice = self._choice(index, delta.text, delta.finish, delta.scores)
        return [frame.head("text_completion") | {"choices": [choice]}]

    def usage(self, frame: Frame, tokens: int) -> list[JsonObject]:
        """Return the token counts."""
        head = frame.head("text_completion")
        return [head | {"choices": [], "usage": frame.usage(tokens)}]

    def _choice(
        self, index: int, text: str, finish: str | None, scores: Sequence[TokenScore]
    ) -> JsonObject:
        offset = self._offsets.get(index, 0)
        if self._echo and index not in self._offsets:
            text = echoed_text(scores) + text
        self._offsets[index] = offset + len(text)
        logprobs = text_logprobs(scores, offset) if self._scores and scores else None
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}


class GenerateFormat(PlainEvents):
    """`POST /generate`."""

    def whole(self, frame: Frame, answers: Sequence[AnswerParts]) -> JsonObject:
        """Return the whole answer."""
        (answer,) = answers
        return {
            "text": answer.text,
            "version": frame.subject.version,
            "model": frame.subject.model,
            "tokens": answer.tokens,
            "prompt_tokens": frame.prompt_tokens,
            "finish_reason": answer.finish,
        }

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return the version that answers."""
        return [{"version": frame.subject.version, "model": frame.subject.model}]

    def delta(self, frame: Frame, index: int, delta: AnswerDelta) -> list[JsonObject]:
        """Return the new text, or the end."""
        if delta.finish is None:
            return [{"text": delta.text}]
        return [{"text": delta.text, "tokens": delta.tokens, "finish_reason": delta.finish}]

    def usage(self, frame: Frame, tokens: int) -> list[JsonObject]:
        """Return the token counts."""
        return [{"prompt_tokens": frame.prompt_tokens, "tokens": tokens}]


def model_record(subject: ServedVersion, requested: str) -> JsonObject:
    """Return a version as `/v1/models` lists it; `root` is the one that `current` names now."""
    return {
        "id": CURRENT if requested == CURRENT else subject.model,
        "object": "model",
        "created": subject.created_s,
        "owned_by": "finetuned",
        "root": subject.model,
    }
