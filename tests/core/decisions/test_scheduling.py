"""How deaths of a run's trainer are counted."""

from dataclasses import replace

import pytest

from daemon.core.decisions.deaths import Cause
from daemon.core.decisions.scheduling import after_death, poison, uncounted
from daemon.core.decisions.snapshot import Attempts


@pytest.mark.parametrize("kind", ["memory", "device"])
def test_a_death_of_memory_or_device_is_told_on_and_is_not_the_same_crash_again(kind: str) -> None:
    attempts = Attempts(started=1)
    for _ in range(3):
        attempts = after_death(attempts, Cause(kind, "x"), "SIGKILL")  # type: ignore[arg-type]
    assert (attempts.seen, attempts.after, attempts.last_death) == (0, kind, "SIGKILL")
    assert poison(attempts) is None
    given_up = poison(Attempts(10, 0, "SIGKILL"))
    assert given_up is not None and "SIGKILL" in given_up


def test_any_other_death_counts_and_is_not_told_on() -> None:
    attempts = after_death(Attempts(1, 2, "", "memory"), Cause("other"), "SIGSEGV")
    assert attempts == Attempts(1, 3, "SIGSEGV", None)
    assert poison(attempts) is not None


def test_a_start_that_was_killed_before_its_first_attempt_says_nothing_about_the_run() -> None:
    """Fault Q5: ten early kills of the daemon parked a run that had never been begun."""
    early = Attempts(started=10, at_attempt=4, begun=False)
    assert early.counted == 9 and poison(early) is None
    assert poison(replace(early, begun=True)) is not None
    assert uncounted(early).counted == 9, "what was nobody's fault is taken off once"


def test_a_death_that_was_seen_counts_its_start_however_early_it_came() -> None:
    """Else a trainer that runs out of memory before its first attempt would be started for ever."""
    early = after_death(Attempts(10, at_attempt=4, begun=False), Cause("memory"), "SIGKILL")
    assert early.counted == 10 and poison(early) is not None
