"""A short share of the clients that `make soak` sends (A6, A7); memory is weighed there only."""

from pathlib import Path

from tests.serving import crowd


def test_clients_that_idle_vanish_dawdle_or_take_nothing_leave_nothing(tmp_path: Path) -> None:
    assert not crowd.come_and_go(tmp_path, clients=8, weighed=False)
