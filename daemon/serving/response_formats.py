"""Response formats of OpenAI's API and of `/generate`, whole and streamed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call
from daemon.core.workspace.version_names import CURRENT
from daemon.serving.generation import AnswerDelta, Finish, ServedVersion

ID_PREFIXES = {
    "chat.completion": "chatcmpl",
    "chat.completion.chunk": "chatcmpl",
    "text_completion": "cmpl",
}
"""As OpenAI begins an answer's id, by its kind."""


def json_bytes(value: Any) -> bytes:
    """Return JSON in UTF-8."""
    return orjson.dumps(value)


@dataclass(frozen=True)
class AnswerParts:
    """A whole answer."""

    text: str
    tokens: int
    finish: Finish
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Frame:
    """The fields that every part of one answer repeats."""

    id: str
    created_s: int
    subject: ServedVersion
    prompt_tokens: int

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
    """How one route formats an answer."""

    def whole(self, frame: Frame, answer: AnswerParts) -> JsonObject:
        """Return the whole answer."""
        ...

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return the first events of a stream."""
        ...

    def delta(self, frame: Frame, delta: AnswerDelta) -> list[JsonObject]:
        """Return the events of a delta."""
        ...

    def usage(self, frame: Frame, tokens: int) -> JsonObject:
        """Return the event that counts tokens, the last of a stream that requested it."""
        ...


class ChatFormat:
    """`POST /v1/chat/completions`."""

    def whole(self, frame: Frame, answer: AnswerParts) -> JsonObject:
        """Return the whole answer."""
        message: JsonObject = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.calls:
            message["content"] = answer.text or None
            message["tool_calls"] = list(_calls(frame, answer.calls))
        finish = "tool_calls" if answer.calls else answer.finish
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return frame.head("chat.completion") | {
            "choices": [choice],
            "usage": frame.usage(answer.tokens),
        }

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return the role."""
        return [self._chunk(frame, {"role": "assistant", "content": ""}, None)]

    def delta(self, frame: Frame, delta: AnswerDelta) -> list[JsonObject]:
        """Return the new text, the calls, and the end."""
        events = []
        if delta.text:
            events.append(self._chunk(frame, {"content": delta.text}, None))
        if delta.calls:
            numbered = enumerate(_calls(frame, delta.calls))
            calls = [{"index": number, **call} for number, call in numbered]
            events.append(self._chunk(frame, {"tool_calls": calls}, None))
        if delta.finish is not None:
            events.append(self._chunk(frame, {}, "tool_calls" if delta.calls else delta.finish))
        return events

    def usage(self, frame: Frame, tokens: int) -> JsonObject:
        """Return the token counts."""
        head = frame.head("chat.completion.chunk")
        return head | {"choices": [], "usage": frame.usage(tokens)}

    def _chunk(self, frame: Frame, delta: JsonObject, finish: str | None) -> JsonObject:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return frame.head("chat.completion.chunk") | {"choices": [choice]}


def _calls(frame: Frame, calls: Iterable[Call]) -> Iterable[JsonObject]:
    for number, call in enumerate(calls):
        yield {
            "id": f"call_{frame.id[:16]}{number:08d}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }


class CompletionFormat:
    """`POST /v1/completions`."""

    def whole(self, frame: Frame, answer: AnswerParts) -> JsonObject:
        """Return the whole answer."""
        record = self._part(frame, answer.text, answer.finish)
        return record | {"usage": frame.usage(answer.tokens)}

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return nothing."""
        return []

    def delta(self, frame: Frame, delta: AnswerDelta) -> list[JsonObject]:
        """Return the new text, or the end."""
        return [self._part(frame, delta.text, delta.finish)]

    def usage(self, frame: Frame, tokens: int) -> JsonObject:
        """Return the token counts."""
        head = frame.head("text_completion")
        return head | {"choices": [], "usage": frame.usage(tokens)}

    def _part(self, frame: Frame, text: str, finish: str | None) -> JsonObject:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return frame.head("text_completion") | {"choices": [choice]}


class GenerateFormat:
    """`POST /generate`."""

    def whole(self, frame: Frame, answer: AnswerParts) -> JsonObject:
        """Return the whole answer."""
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

    def delta(self, frame: Frame, delta: AnswerDelta) -> list[JsonObject]:
        """Return the new text, or the end."""
        if delta.finish is None:
            return [{"text": delta.text}]
        return [{"text": delta.text, "tokens": delta.tokens, "finish_reason": delta.finish}]

    def usage(self, frame: Frame, tokens: int) -> JsonObject:
        """Return the token counts."""
        return {"prompt_tokens": frame.prompt_tokens, "tokens": tokens}


def model_record(subject: ServedVersion, asked: str) -> JsonObject:
    """Return a version as `/v1/models` lists it; `root` is the one that `current` names now."""
    return {
        "id": CURRENT if asked == CURRENT else subject.model,
        "object": "model",
        "created": subject.created_s,
        "owned_by": "finetuned",
        "root": subject.model,
    }
