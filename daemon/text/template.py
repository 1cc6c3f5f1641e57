"""Renders conversations with a model's chat template in a sandbox; knows no token ids."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

PLAIN = (
    "{% for message in messages %}{{ message['content'] }}"
    "{{ '\\n' if not loop.last or add_generation_prompt else eos_token }}{% endfor %}"
)
"""For models without a template: the turns line by line, and the end-of-text token."""

A_DAY = datetime(2024, 7, 26, tzinfo=UTC)
"""Templates that write today's date get this one, or a row would have other tokens tomorrow."""

_MISTAKES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What template code can raise: it is a program."""


class Unrenderable(Exception):
    """The template refuses a conversation, or fails on it."""


class ChatTemplate:
    """A compiled chat template."""

    def __init__(self, text: str, tokens: dict[str, str], thinking: bool) -> None:
        self._extras: dict[str, Any] = {**tokens, "enable_thinking": thinking}
        try:
            self._compiled = _environment().from_string(text)
        except _MISTAKES as error:
            raise Unrenderable(f"the chat template cannot be compiled: {error}") from error

    def render(self, turns: Iterable[tuple[str, str]], answer_next: bool) -> str:
        """Return the text of (role, content) turns; `answer_next` adds the start of an answer.

        Raises:
            Unrenderable: the template does not take these turns.
        """
        messages = [{"role": role, "content": content} for role, content in turns]
        try:
            return self._compiled.render(
                messages=messages,
                tools=None,
                documents=None,
                add_generation_prompt=answer_next,
                **self._extras,
            )
        except _MISTAKES as error:
            raise Unrenderable(str(error) or type(error).__name__) from error


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
