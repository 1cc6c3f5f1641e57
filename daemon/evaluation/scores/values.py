"""Whether two JSON values say the same, and where they stand in a record; knows no answer."""

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int | None, ...]
"""Keys and places, like `("customer", "name")` or `("items", 0, "price")`."""


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Give every value that is no filled object or list, with its path.

    Objects in a list are told apart by their place; plain values in a list are not, so that their
    order does not count.
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number if isinstance(inner, (dict, list)) else None))
    else:
        yield path, value


def comparable(value: Any) -> Any:
    """Return a hashable form, equal where two values say the same.

    Numbers are equal by value, texts without regard to case and spacing; true is not 1, and the
    text "1" is not the number 1.
    """
    match value:
        case bool() | None:
            return ("constant", value)
        case int() | float():
            return ("number", value)
        case str():
            return ("text", " ".join(value.casefold().split()))
        case dict():
            return ("object", frozenset((str(k), comparable(v)) for k, v in value.items()))
        case _:
            return ("list", tuple(comparable(inner) for inner in value))
