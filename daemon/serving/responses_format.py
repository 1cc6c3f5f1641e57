"""The bodies and the stream events of `POST /v1/responses`."""

from collections.abc import Sequence
from itertools import count
from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Call
from daemon.serving.api.response_items import ResponsesRequest
from daemon.serving.generation import AnswerDelta, Finish, RequestError
from daemon.serving.response_formats import AnswerParts, Frame, call_id


class ResponsesFormat:
    """One response; a stream of it keeps the text so far."""

    named_events = True

    def __init__(self, fields: ResponsesRequest) -> None:
        self._fields = fields
        self._numbers = count()
        self._text = ""
        self._calls: tuple[Call, ...] = ()
        self._open = False
        """Whether the message was begun."""
        self._tokens = 0
        self._finish: Finish | None = None

    def whole(self, frame: Frame, answers: Sequence[AnswerParts]) -> JsonObject:
        """Return the whole response."""
        (answer,) = answers
        output = _output(frame, answer.text, answer.calls)
        return self._response(frame, output, answer.finish, answer.tokens)

    def opening(self, frame: Frame) -> list[JsonObject]:
        """Return that the response has begun."""
        begun = self._response(frame, [], None, 0)
        return [
            self._event("response.created", response=begun),
            self._event("response.in_progress", response=begun),
        ]

    def delta(self, frame: Frame, index: int, delta: AnswerDelta) -> list[JsonObject]:
        """Return the new text, and with the end the calls."""
        self._tokens, self._finish, self._calls = delta.tokens, delta.finish, delta.calls
        events = []
        if delta.text:
            events += self._begin_message(frame)
            self._text += delta.text
            events.append(
                self._event(
                    "response.output_text.delta", **_place(frame), delta=delta.text, logprobs=[]
                )
            )
        if delta.finish is not None:
            events += self._end_message(frame)
        return events

    def closing(self, frame: Frame) -> list[JsonObject]:
        """Return the calls and the whole response."""
        output = _output(frame, self._text, self._calls)
        events = []
        for place, item in enumerate(output):
            if item["type"] == "function_call":
                events += self._call_events(place, item)
        whole = self._response(frame, output, self._finish, self._tokens)
        return [*events, self._event(f"response.{whole['status']}", response=whole)]

    def error(self, frame: Frame, trouble: RequestError) -> list[JsonObject]:
        """Return that the response failed."""
        failed = self._response(frame, [], None, self._tokens) | {
            "status": "failed",
            "error": {"code": "server_error", "message": trouble.message},
        }
        return [self._event("response.failed", response=failed)]

    def usage(self, frame: Frame, tokens: int) -> list[JsonObject]:
        """Return nothing more: the last event has the whole response, with its usage."""
        return []

    def _begin_message(self, frame: Frame) -> list[JsonObject]:
        if self._open:
            return []
        self._open = True
        item = _message(frame, "", "in_progress") | {"content": []}
        return [
            self._event("response.output_item.added", output_index=0, item=item),
            self._event("response.content_part.added", **_place(frame), part=_part("")),
        ]

    def _end_message(self, frame: Frame) -> list[JsonObject]:
        events = [] if self._calls else self._begin_message(frame)
        if not self._open:
            return []
        text, item = self._text, _message(frame, self._text, "completed")
        return [
            *events,
            self._event("response.output_text.done", **_place(frame), text=text, logprobs=[]),
            self._event("response.content_part.done", **_place(frame), part=_part(text)),
            self._event("response.output_item.done", output_index=0, item=item),
        ]

    def _call_events(self, place: int, item: JsonObject) -> list[JsonObject]:
        begun = item | {"arguments": "", "status": "in_progress"}
        at = {"item_id": item["id"], "output_index": place}
        kind, said = "response.function_call_arguments", item["arguments"]
        return [
            self._event("response.output_item.added", output_index=place, item=begun),
            self._event(f"{kind}.delta", **at, delta=said),
            self._event(f"{kind}.done", **at, name=item["name"], arguments=said),
            self._event("response.output_item.done", output_index=place, item=item),
        ]

    def _event(self, kind: str, **fields: Any) -> JsonObject:
        return {"type": kind, "sequence_number": next(self._numbers), **fields}

    def _response(
        self, frame: Frame, output: list[JsonObject], finish: Finish | None, tokens: int
    ) -> JsonObject:
        cut = finish == "length"
        status = "in_progress" if finish is None else "incomplete" if cut else "completed"
        fields = self._fields
        return {
            "id": f"resp_{frame.id}",
            "object": "response",
            "created_at": frame.created_s,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "instructions": fields.instructions,
            "max_output_tokens": fields.max_output_tokens,
            "model": frame.subject.model,
            "output": output,
            "parallel_tool_calls": fields.parallel_tool_calls is not False,
            "previous_response_id": None,
            "temperature": fields.temperature,
            "top_p": fields.top_p,
            "text": {"format": _format(fields)},
            "tool_choice": _choice(fields.tool_choice or "auto"),
            "tools": [_tool(tool.model_dump()) for tool in fields.tools or ()],
            "truncation": "disabled",
            "metadata": {},
            "usage": None if finish is None else _usage(frame, tokens),
        }


def _format(fields: ResponsesRequest) -> JsonObject:
    stated = fields.text.format if fields.text is not None else None
    if stated is None:
        return {"type": "text"}
    known = {"type", "name", "description", "strict", "schema_"}
    return stated.model_dump(include=known, exclude_none=True, by_alias=True)


def _choice(choice: str) -> str | JsonObject:
    return {"type": "function", "name": choice[1:]} if choice.startswith("#") else choice


def _tool(tool: JsonObject) -> JsonObject:
    known = ("type", "name", "description", "parameters")
    return {name: tool.get(name) for name in known} | {"strict": bool(tool.get("strict"))}


def _usage(frame: Frame, tokens: int) -> JsonObject:
    return {
        "input_tokens": frame.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": frame.prompt_tokens + tokens,
    }


def _output(frame: Frame, text: str, calls: Sequence[Call]) -> list[JsonObject]:
    message = [_message(frame, text, "completed")] if text or not calls else []
    return message + [_call(frame, number, call) for number, call in enumerate(calls)]


def _message(frame: Frame, text: str, status: str) -> JsonObject:
    return {
        "type": "message",
        "id": _message_id(frame),
        "status": status,
        "role": "assistant",
        "content": [_part(text)],
    }


def _call(frame: Frame, number: int, call: Call) -> JsonObject:
    name = call_id(frame, 0, number)
    return {
        "type": "function_call",
        "id": f"fc_{name.removeprefix('call_')}",
        "call_id": name,
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


def _part(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _place(frame: Frame) -> JsonObject:
    return {"item_id": _message_id(frame), "output_index": 0, "content_index": 0}


def _message_id(frame: Frame) -> str:
    return f"msg_{frame.id}"
