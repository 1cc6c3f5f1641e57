"""kill -9 before system calls that change the disk, in each kind of process (faults Q1, T1, V1)."""

from pathlib import Path

import pytest

from tests.reliability.scenario import End
from tests.reliability.syscalls import (
    KINDS,
    LOG,
    Position,
    every_position,
    killed_at,
    some_positions,
)
from tests.reliability.tracing import possible, was_killed

SEED = 20261121
COUNT = 6

pytestmark = pytest.mark.skipif(not possible(), reason="strace is missing or may look at nothing")


@pytest.fixture(scope="module")
def undisturbed(shared_memory: Path) -> tuple[list[Position], End]:
    return every_position(shared_memory)


@pytest.mark.parametrize("number", range(COUNT))
def test_a_kill_before_a_system_call_is_survived(
    number: int, undisturbed: tuple[list[Position], End], memory: Path
) -> None:
    positions, calm = undisturbed
    assert {position.kind for position in positions} == set(KINDS)
    drawn = some_positions(positions, COUNT, SEED)[number]
    assert not killed_at(memory, drawn, calm)
    assert was_killed(memory / LOG), drawn
