"""The prompt of a completion: a text or token ids, one or several."""

from typing import Annotated, Any

from pydantic import Field

from daemon.serving.api.field_types import wrong

MOST_PROMPTS = 1024
FORMS = "must be text, a list of texts, a list of token ids, or a list of such lists"

TextOrTokens = str | tuple[int, ...]

_Ids = Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)]
Prompt = (
    Annotated[str, Field(min_length=1)]
    | Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    | _Ids
    | Annotated[list[_Ids], Field(min_length=1)]
)
"""The same as clients write it."""


def prompts(value: Any) -> list[TextOrTokens]:
    """Return the prompts of a field.

    Raises:
        PydanticCustomError: it has none, or another form.
    """
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        wrong(FORMS)
    if not value:
        wrong("must not be empty")
    if len(value) > MOST_PROMPTS and not _are_ids(value):
        wrong(f"may have at most {MOST_PROMPTS} entries")
    if all(isinstance(entry, str) for entry in value):
        return list(value)
    if _are_ids(value):
        return [tuple(value)]
    if all(isinstance(entry, list) and _are_ids(entry) for entry in value):
        if not all(value):
            wrong("has an empty list of token ids")
        return [tuple(entry) for entry in value]
    wrong(FORMS)


def _are_ids(value: list[Any]) -> bool:
    return all(type(entry) is int and entry >= 0 for entry in value)
