"""Power cuts: what a disk may show afterwards, and what the daemon makes of it (faults T2, S8)."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.reliability.persistence import Moment, Recording, look, record, recover, seen
from tests.reliability.persistence_disk import After
from tests.reliability.persistence_trace import Sync
from tests.reliability.tracing import possible

SEED = 20261121
MOMENTS = 100
STARTED = 3
"""States that are given to a real daemon; the others are looked at as they lie."""

pytestmark = pytest.mark.skipif(not possible(), reason="strace is missing or may look at nothing")


@pytest.fixture(scope="module")
def recording(shared_memory: Path) -> Recording:
    return record(shared_memory)


def test_what_was_recorded_is_what_lies_on_the_disk(recording: Recording) -> None:
    disk = recording.disk()
    for operation in recording.done:
        disk.apply(operation)
    assert len(recording.done) > MOMENTS
    assert seen(disk) == recording.end


def test_whatever_the_disk_forgets_nothing_that_was_told_is_lost_and_nothing_is_half(
    recording: Recording, memory: Path
) -> None:
    assert not look(memory, recording, recording.some_moments(MOMENTS, SEED))


def test_a_file_that_its_user_never_synced_is_safe_once_it_is_queued(
    recording: Recording, memory: Path
) -> None:
    moments = recording.some_moments(MOMENTS, SEED + 1)
    assert not look(memory, recording, moments, unsynced="inbox")


@pytest.mark.parametrize("number", range(STARTED))
def test_a_daemon_that_finds_such_a_disk_brings_everything_to_the_same_end(
    number: int, recording: Recording, memory: Path
) -> None:
    place = len(recording.done) * (number + 1) // (STARTED + 1)
    after = (After.SYNCED, After.TORN, After.EMPTY)[number % 3]
    assert not recover(memory, recording, Moment(place, after))


def test_without_its_syncs_the_same_history_would_be_lost(
    recording: Recording, memory: Path
) -> None:
    careless = tuple(done for done in recording.done if not isinstance(done, Sync))
    history = replace(recording, done=careless)
    assert look(memory, history, history.some_moments(MOMENTS // 10, SEED))
