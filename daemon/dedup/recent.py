"""A cache of the values computed last, in bounded memory."""

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

MOST = 2048


class Recent(dict[int, Value], Generic[Value]):
    """Values by number, computed on first access; the oldest are dropped."""

    def __init__(self, make: Callable[[int], Value], most: int = MOST) -> None:
        self._make = make
        self._most = most

    def __missing__(self, number: int) -> Value:
        if len(self) >= self._most:
            del self[next(iter(self))]
        value = self[number] = self._make(number)
        return value
