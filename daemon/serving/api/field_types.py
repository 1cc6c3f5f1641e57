"""Types of request fields: JSON values as clients write them, or one sentence why not."""

from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

SENTENCE = "sentence"
"""The type of an error whose message is a sentence of ours, about the field before it."""

TAG = "#"
"""The first character of a name that chooses between forms of an object; it is no field."""

MOST_TOKENS = 1_000_000
MOST_STOPS = 16


class Part(BaseModel):
    """An object of a request; keys it does not know are kept apart, to be named."""

    model_config = ConfigDict(
        strict=True, extra="allow", allow_inf_nan=False, protected_namespaces=()
    )


def wrong(sentence: str) -> NoReturn:
    """Refuse a field; the sentence goes on after its name.

    Raises:
        PydanticCustomError: always.
    """
    raise PydanticCustomError(SENTENCE, "{sentence}", {"sentence": sentence})


def _whole(value: Any) -> Any:
    # JSON has one kind of number: 8.0 is 8.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Whole = Annotated[int, BeforeValidator(_whole)]
"""A whole number, also as 8.0."""

Stop = Annotated[str, Field(min_length=1, max_length=256)]
Stops = Annotated[
    list[Stop],
    Field(max_length=MOST_STOPS),
    BeforeValidator(
        _listed, json_schema_input_type=Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)]
    ),
]
"""One text or several, as a list."""


Count = Annotated[Whole, Field(ge=-1)]
"""So many tokens at most; -1 for as many as there is room for."""
