"""Renders conversations with a model's chat template, in a sandbox."""

import json
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Turn, call_record

PLAIN = (
    "{% for message in messages %}{{ message['content'] }}"
    "{{ '\\n' if not loop.last or add_generation_prompt else eos_token }}{% endfor %}"
)
"""For models without a template: the turns line by line, and the end-of-text token."""

A_DAY = datetime(2024, 7, 26, tzinfo=UTC)
"""Templates that write today's date get this one, or a row's tokens would change every day."""

TIME_LIMIT_S = 5.0
"""In seconds; real templates take a millisecond."""

_MISTAKES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Exceptions that template code can raise: it is a program."""


class Unrenderable(Exception):
    """The template refuses a conversation, or fails on it."""


class Template(Protocol):
    """Renders turns as text."""

    def render(self, turns: Iterable[Turn], answer_next: bool, tools: Sequence[str] = ()) -> str:
        """Return the text of turns; `answer_next` adds the start of an answer."""
        ...


class ChatTemplate:
    """A compiled chat template."""

    def __init__(self, text: str, tokens: dict[str, str], thinking: bool) -> None:
        self._extras: JsonObject = {**tokens, "enable_thinking": thinking}
        try:
            self._compiled = _environment().from_string(text)
        except _MISTAKES as error:
            raise Unrenderable(f"the chat template cannot be compiled: {error}") from error

    def render(self, turns: Iterable[Turn], answer_next: bool, tools: Sequence[str] = ()) -> str:
        """Return the text of turns; `answer_next` adds the start of an answer.

        Raises:
            Unrenderable: the template refuses these turns, or takes too long.
        """
        messages = list(map(_message, turns))
        try:
            return self._render(messages, answer_next, tools)
        except Unrenderable:
            if not any("tool_calls" in message for message in messages):
                raise
            # Mistral's templates require an id for each call, which rows need not have.
            return self._render(_with_ids(messages), answer_next, tools)

    def _render(self, messages: list[JsonObject], answer_next: bool, tools: Sequence[str]) -> str:
        try:
            with _time_limit(TIME_LIMIT_S):
                return self._compiled.render(
                    messages=messages,
                    tools=[json.loads(tool) for tool in tools] or None,
                    documents=None,
                    add_generation_prompt=answer_next,
                    **self._extras,
                )
        except _MISTAKES as error:
            raise Unrenderable(str(error) or type(error).__name__) from error


def _message(turn: Turn) -> JsonObject:
    message: JsonObject = {"role": turn.role, "content": turn.content}
    if turn.calls:
        message["tool_calls"] = [call_record(call) for call in turn.calls]
    if turn.reasoning:
        message["reasoning_content"] = message["thinking"] = turn.reasoning
    return message


def _with_ids(messages: list[JsonObject]) -> list[JsonObject]:
    """Return messages whose calls have ids of nine letters, and whose results refer to them.

    Results belong to calls in the order of the calls.
    """
    found: list[JsonObject] = []
    made, answered = 0, 0
    for message in messages:
        if message["role"] == "tool":
            message = {**message, "tool_call_id": _call_id(answered)}
            answered += 1
        elif isinstance(calls := message.get("tool_calls"), list):
            numbered = [{**call, "id": _call_id(made + n)} for n, call in enumerate(calls)]
            message = {**message, "tool_calls": numbered}
            made += len(calls)
        found.append(message)
    return found


def _call_id(number: int) -> str:
    return f"call{number:05d}"


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `Unrenderable` in a template that does not return: it is untrusted code.

    CPU time is counted. Only the main thread can be interrupted; workers render in theirs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if signal.getsignal(signal.SIGVTALRM) is not _too_slow:
        signal.signal(signal.SIGVTALRM, _too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _too_slow(_signal: int, _frame: object) -> None:
    raise Unrenderable(f"the chat template takes longer than {TIME_LIMIT_S:.0f} s")


class _Generation(Extension):
    """`{% generation %}` … `{% endgeneration %}`: marks for other tools, without effect here."""

    tags = {"generation"}  # noqa: RUF012 - the base class declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise
    environment.globals["strftime_now"] = A_DAY.strftime
    return environment


def _raise(message: str) -> None:
    raise TemplateError(message)


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes for HTML.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )
