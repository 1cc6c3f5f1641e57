"""Of repetitions in other words most are found, and of rows that only look alike none is lost."""

import pytest

from benchmarks.planted import constant, contradicting, planted, sampled
from daemon.core.rows.examples import Chat
from tests.dedup.rows import compared


@pytest.mark.parametrize("seed", [3, 5, 8])
def test_four_of_five_repetitions_in_words_of_courtesy_are_found(seed: int) -> None:
    """Answers that are written independently were repetitions only by chance."""
    rows, again = planted(seed)
    found = compared(rows)
    pairs = {frozenset((place, twin.of)) for place, twin in found.dropped.items()}
    wanted = {frozenset(pair) for pair in again.items()}
    assert pairs <= wanted
    assert len(pairs) >= 0.8 * len(wanted)


@pytest.mark.parametrize(
    "rows",
    [sampled(), sampled(2), constant(), contradicting()],
    ids=["sampled", "in_pairs", "constant", "contradicting"],
)
def test_sampled_constant_and_contradicting_files_lose_no_row(rows: list[Chat]) -> None:
    assert not compared(rows).dropped
