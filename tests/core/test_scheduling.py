"""How deaths of a run's trainer are counted."""

import pytest

from daemon.core.deaths import Cause
from daemon.core.scheduling import after_death, poison
from daemon.core.snapshot import Attempts


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
