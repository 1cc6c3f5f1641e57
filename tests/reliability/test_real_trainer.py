"""kill -9 with the real trainer: bit-identical on the CPU, no row twice (T9, I2, I3)."""

from pathlib import Path

import pytest

from tests.reliability.real_trainer import be_killed, undisturbed

KILLS = 6


# Seven lives of a real trainer: on a busy machine they take longer than a test may otherwise.
@pytest.mark.timeout(400)
def test_what_is_killed_in_between_inside_and_after_its_steps_ends_in_the_same_bits(
    tmp_path: Path,
) -> None:
    calm = undisturbed(tmp_path / "calm")
    assert not be_killed(tmp_path, 7, KILLS, calm)
