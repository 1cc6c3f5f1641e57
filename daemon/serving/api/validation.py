"""Turns a request's body into its fields: strict about wishes, easy about noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from daemon.core.workspace.jobs import escape
from daemon.serving.api.field_errors import field_and_sentence
from daemon.serving.api.known_fields import SILENT, WISHES, is_neutral
from daemon.serving.generation import RequestRefused, refused

NOTHING: tuple[Any, ...] = (None, False, "", [], {})
"""Values of an unknown field that request nothing."""

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class Validated(Generic[Body]):
    """What a body asks for."""

    fields: Body
    ignored: tuple[str, ...]
    """The fields that are unknown here, as `messages[1].id`."""


def validated(kind: type[Body], body: Any) -> Validated[Body]:
    """Return what a body asks for; null is no wish.

    Raises:
        RequestRefused: it describes no request; the message names the first mistake and its field.
    """
    if not isinstance(body, dict):
        raise refused(422, "invalid_type", "the body must be a JSON object")
    for name, wish in WISHES.items():
        if name not in kind.model_fields and not is_neutral(body.get(name), wish):
            message = f"{name} {wish.refusal}"
            raise refused(422, "unsupported_parameter", message, field=name)
    sent = {name: value for name, value in body.items() if value is not None}
    try:
        fields = kind.model_validate(sent)
    except ValidationError as error:
        raise _refusal(error, body) from error
    unknown = [name for name in _extras(fields, "") if name not in SILENT and name not in WISHES]
    return Validated(fields, tuple(escape(name) for name in unknown))


def _refusal(error: ValidationError, body: dict[str, Any]) -> RequestRefused:
    # Never the value: it may be a whole conversation.
    first = error.errors(include_url=False, include_input=False)[0]
    field, sentence = field_and_sentence(first, body)
    return refused(422, "invalid_value", sentence, field=field or None)


def _extras(value: Any, place: str) -> Iterator[str]:
    """Yield the place of every key that its object does not know."""
    if isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _extras(entry, f"{place}[{number}]")
    elif isinstance(value, BaseModel):
        dot = f"{place}." if place else ""
        for name, extra in (value.model_extra or {}).items():
            if extra not in NOTHING:
                yield f"{dot}{name}"
        for name in value.model_fields_set & type(value).model_fields.keys():
            yield from _extras(getattr(value, name), f"{dot}{name}")
