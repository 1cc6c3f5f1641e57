"""A job that kills its trainer is parked, and the next one begins at once (faults Q5, Q6, C4)."""

from pathlib import Path

import pytest

from tests.reliability.poison import be_poisoned


@pytest.mark.parametrize("way", ["exception", "hang"])
def test_three_deaths_park_a_job_and_a_retry_takes_it_up_again(way: str, tmp_path: Path) -> None:
    """The signals are tried by `make soak`, two of them with their causes by `test_deaths.py`."""
    assert not be_poisoned(tmp_path, way)
