"""Two hundred kills at random moments, in twelve histories (faults Q1, Q5, Q7, Q8, T1, T9, V1)."""

from pathlib import Path

import pytest

from tests.reliability.kills import Calm, be_killed

HISTORIES, KILLS = 12, 17


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_what_is_killed_again_and_again_comes_to_the_same_end(
    seed: int, calm: Calm, tmp_path: Path
) -> None:
    """No good job is parked, however often it was killed."""
    assert not be_killed(tmp_path, seed, KILLS, calm)
