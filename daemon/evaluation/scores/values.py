"""Compares JSON values by meaning, and flattens records into paths and values."""

import ast
import json
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int | None, ...]
"""Keys and places, like `("customer", "name")` or `("items", 0, "price")`."""


class Untyped(str):
    """A value written without a type, as in XML: `40` may be text or a number."""

    __slots__ = ()


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value that is not a filled object or list, with its path.

    Objects in a list are distinguished by their index; plain values in a list are not, so that
    their order does not count.
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
    """Return a hashable form, equal where two values mean the same.

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


def readings(value: Any) -> frozenset[Any]:
    """Return every comparable form that a value may stand for."""
    found = {comparable(value)}
    if isinstance(value, Untyped):
        # Templates write true in JSON's or in Python's form.
        for reader in (json.loads, ast.literal_eval):
            try:
                found.add(comparable(reader(value)))
            except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
                continue
    return frozenset(found)


def same(one: Any, other: Any) -> bool:
    """Return whether two values mean the same, or may do so."""
    return not readings(one).isdisjoint(readings(other))
