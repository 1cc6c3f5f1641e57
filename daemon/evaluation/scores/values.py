"""Whether two JSON values say the same, and where they stand in a record; knows no answer."""

from collections.abc import Iterator
from typing import Any

Leaf = tuple[str, Any]
"""A path like `customer.name` or `items[0].price`, and the value that stands there."""


def leaves(value: Any, path: str = "") -> Iterator[Leaf]:
    """Give every value that is no filled object or list, with its path.

    Objects in a list are told apart by their place; plain values in a list are not, so that their
    order does not count.
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            place = str(number) if isinstance(inner, (dict, list)) else ""
            yield from leaves(inner, f"{path}[{place}]")
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
