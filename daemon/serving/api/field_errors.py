"""Says in one sentence what is wrong with a request's field, by the name that the client wrote."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from daemon.core.workspace.jobs import escape
from daemon.serving.api.field_types import SENTENCE, TAG

MOST_SHOWN = 128

_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "may be at most {le}",
    "less_than": "must be less than {lt}",
    "too_short": "needs at least {min_length} entry",
    "too_long": "may have at most {max_length} entries",
    "string_too_long": "may have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be 1 to 128 letters, digits, '_', '.' or '-'",
    SENTENCE: "{sentence}",
}


def field_and_sentence(error: ErrorDetails, body: Mapping[str, Any]) -> tuple[str, str]:
    """Return the field that is wrong, as `messages[0].content`, and a sentence that names it."""
    field = field_name(error["loc"], body)
    form = _SENTENCES.get(error["type"], "has a value that cannot be used here")
    if not field:
        # A rule between fields: its sentence names them.
        sentence = str(error.get("ctx", {}).get("sentence", "the body is no request"))
        return sentence.split(" ", 1)[0], sentence
    return field, f"{field} {form.format(**error.get('ctx', {}))}"


def field_name(place: Sequence[int | str], body: Any) -> str:
    """Return a place in a body as clients write it.

    It ends where the body has no further parts: one text may have been read as a list of one.
    """
    name = ""
    for part in place:
        if isinstance(part, str) and part.startswith(TAG):
            continue
        if isinstance(part, int) and isinstance(body, list):
            name += f"[{part}]"
            body = body[part] if part < len(body) else None
        elif isinstance(part, str) and isinstance(body, dict):
            name += f".{part}" if name else part
            body = body.get(part)
        else:
            break
    return escape(name)[:MOST_SHOWN]
