"""Whether the daemon lives: its lock decides, then its heartbeat."""

from datetime import UTC, datetime, timedelta

import pytest

from daemon.core.decisions.pulse import pulse_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pid", "age_s", "told"),
    [
        (None, 1, "finetuned run --root /w"),
        (7, 31, "pid 7) has not responded for 31 s"),
        (7, 30, ""),
    ],
)
def test_a_daemon_without_a_lock_or_with_an_old_heartbeat_has_a_problem(
    pid: int | None, age_s: int, told: str
) -> None:
    document = {"heartbeat": (NOW - timedelta(seconds=age_s)).isoformat()}
    pulse = pulse_of(pid, document, NOW, "/w")
    assert pulse.heartbeat_age_s == age_s
    assert told in pulse.problem if pulse.problem else not told


@pytest.mark.parametrize("document", [None, {}, {"heartbeat": None}, {"heartbeat": "2030"}])
def test_without_a_readable_heartbeat_the_lock_alone_decides(document: dict[str, str]) -> None:
    assert pulse_of(7, document, NOW, "/w").problem is None
    assert pulse_of(None, document, NOW, "/w").problem is not None


def test_a_heartbeat_from_the_future_is_new() -> None:
    document = {"heartbeat": (NOW + timedelta(hours=1)).isoformat()}
    assert pulse_of(7, document, NOW, "/w").heartbeat_age_s == 0.0
