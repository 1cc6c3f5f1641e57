"""Has Hypothesis draw by a seed, and says what was found; knows nothing of what is drawn."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

Drawn = TypeVar("Drawn")


def drawn(
    number: int, examples: int, strategy: st.SearchStrategy[Drawn], check: Callable[[Drawn], None]
) -> list[str]:
    """Return what is wrong after so many examples drawn by a seed; the first one that shows it."""

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(strategy)
    def every(example: Drawn) -> None:
        check(example)

    try:
        every()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
        return [f"seed {number}: {error!r}", *getattr(error, "__notes__", [])]
    return []
