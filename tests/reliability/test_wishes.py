"""A user who changes his mind: control files at random moments (faults C1 to C4, C7, C8, V4)."""

from pathlib import Path

import pytest

from tests.reliability.kills import Calm
from tests.reliability.wishes import be_asked

HISTORIES, WISHES = 2, 12


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_every_wish_is_answered_and_nothing_is_lost(seed: int, calm: Calm, tmp_path: Path) -> None:
    assert not be_asked(tmp_path, seed, WISHES, calm)
