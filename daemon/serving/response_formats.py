"""Answers in the forms of OpenAI's API and of `/generate`; knows no request and no model."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from daemon.core.rows.examples import Call
from daemon.serving.generation import AnswerDelta, Finish, ServedVersion


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
    """What every part of one answer says of itself."""

    id: str
    created_s: int
    subject: ServedVersion
    prompt_tokens: int

    def head(self, kind: str) -> dict[str, Any]:
        """Return the fields in front."""
        return {
            "id": self.id,
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
    """How one route tells an answer."""

    def whole(self, frame: Frame, told: AnswerParts) -> dict[str, Any]:
        """Return the answer at once."""
        ...

    def opening(self, frame: Frame) -> list[dict[str, Any]]:
        """Return what a stream begins with."""
        ...

    def piece(self, frame: Frame, piece: AnswerDelta) -> list[dict[str, Any]]:
        """Return the events of a part."""
        ...

    def usage(self, frame: Frame, tokens: int) -> dict[str, Any]:
        """Return the event that counts tokens, last of a stream that asked for it."""
        ...


class ChatFormat:
    """`POST /v1/chat/completions`."""

    def whole(self, frame: Frame, told: AnswerParts) -> dict[str, Any]:
        """Return the answer at once."""
        message: dict[str, Any] = {"role": "assistant", "content": told.text, "refusal": None}
        if told.calls:
            message["content"] = told.text or None
            message["tool_calls"] = list(_calls(frame, told.calls))
        finish = "tool_calls" if told.calls else told.finish
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return frame.head("chat.completion") | {
            "choices": [choice],
            "usage": frame.usage(told.tokens),
        }

    def opening(self, frame: Frame) -> list[dict[str, Any]]:
        """Say who speaks."""
        return [self._chunk(frame, {"role": "assistant", "content": ""}, None)]

    def piece(self, frame: Frame, piece: AnswerDelta) -> list[dict[str, Any]]:
        """Return the new words, the calls, and the end."""
        events = []
        if piece.text:
            events.append(self._chunk(frame, {"content": piece.text}, None))
        if piece.calls:
            numbered = enumerate(_calls(frame, piece.calls))
            calls = [{"index": number, **call} for number, call in numbered]
            events.append(self._chunk(frame, {"tool_calls": calls}, None))
        if piece.finish is not None:
            events.append(self._chunk(frame, {}, "tool_calls" if piece.calls else piece.finish))
        return events

    def usage(self, frame: Frame, tokens: int) -> dict[str, Any]:
        """Count."""
        head = frame.head("chat.completion.chunk")
        return head | {"choices": [], "usage": frame.usage(tokens)}

    def _chunk(self, frame: Frame, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return frame.head("chat.completion.chunk") | {"choices": [choice]}


def _calls(frame: Frame, calls: Iterable[Call]) -> Iterable[dict[str, Any]]:
    for number, call in enumerate(calls):
        yield {
            "id": f"call_{frame.id}_{number}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }


class CompletionFormat:
    """`POST /v1/completions`."""

    def whole(self, frame: Frame, told: AnswerParts) -> dict[str, Any]:
        """Return the answer at once."""
        record = self._part(frame, told.text, told.finish)
        return record | {"usage": frame.usage(told.tokens)}

    def opening(self, frame: Frame) -> list[dict[str, Any]]:
        """Say nothing."""
        return []

    def piece(self, frame: Frame, piece: AnswerDelta) -> list[dict[str, Any]]:
        """Return the new words, or the end."""
        return [self._part(frame, piece.text, piece.finish)]

    def usage(self, frame: Frame, tokens: int) -> dict[str, Any]:
        """Count."""
        head = frame.head("text_completion")
        return head | {"choices": [], "usage": frame.usage(tokens)}

    def _part(self, frame: Frame, text: str, finish: str | None) -> dict[str, Any]:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return frame.head("text_completion") | {"choices": [choice]}


class GenerateFormat:
    """`POST /generate`."""

    def whole(self, frame: Frame, told: AnswerParts) -> dict[str, Any]:
        """Return the answer at once."""
        return {
            "text": told.text,
            "version": frame.subject.version,
            "model": frame.subject.model,
            "tokens": told.tokens,
            "prompt_tokens": frame.prompt_tokens,
            "finish_reason": told.finish,
        }

    def opening(self, frame: Frame) -> list[dict[str, Any]]:
        """Name what answers."""
        return [{"version": frame.subject.version, "model": frame.subject.model}]

    def piece(self, frame: Frame, piece: AnswerDelta) -> list[dict[str, Any]]:
        """Return the new words, or the end."""
        if piece.finish is None:
            return [{"text": piece.text}]
        return [{"text": piece.text, "tokens": piece.tokens, "finish_reason": piece.finish}]

    def usage(self, frame: Frame, tokens: int) -> dict[str, Any]:
        """Count."""
        return {"prompt_tokens": frame.prompt_tokens, "tokens": tokens}


def model_record(subject: ServedVersion) -> dict[str, Any]:
    """Return a version as `/v1/models` lists it."""
    return {
        "id": subject.model,
        "object": "model",
        "created": subject.created_s,
        "owned_by": "finetuned",
    }
