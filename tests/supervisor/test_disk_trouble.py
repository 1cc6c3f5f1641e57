"""What the supervisor does when the disk refuses or folders go: it tells, and goes on."""

import errno

import pytest

from daemon.core.decisions import actions as do
from daemon.folders.models import current_model
from daemon.supervisor.supervisor import Supervisor
from tests.core import worlds as w
from tests.supervisor.parts import Parts


def refuse(monkeypatch: pytest.MonkeyPatch, supervisor: Supervisor, *numbers: int) -> list[str]:
    """Have the next actions fail with these errors; return what is tried."""
    left, tried = list(numbers), []

    def perform(action: do.Action, _: object) -> None:
        tried.append(type(action).__name__)
        if left:
            number = left.pop(0)
            raise OSError(number, "refused")

    monkeypatch.setattr(supervisor._performer, "perform", perform)
    return tried


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_a_state_that_ends_by_itself(
    supervisor: Supervisor, parts: Parts, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Fault D1, invariant I8."""
    reserve = parts.workspace.layout.status / ".reserve"
    actions: list[do.Action] = [do.SealBase(), do.PauseTrainer()]
    tried = refuse(monkeypatch, supervisor, number)
    assert not supervisor._perform(actions, w.quiet())
    assert tried == ["SealBase"]
    assert "disk_full" in parts.journal.alerts and not reserve.exists()
    assert supervisor._perform(actions, w.quiet())
    assert "disk_full" not in parts.journal.alerts and reserve.exists()


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS])
def test_another_error_of_the_disk_is_an_alert_and_not_the_end(
    supervisor: Supervisor, parts: Parts, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Fault D2, invariant I6."""
    refuse(monkeypatch, supervisor, number)
    assert not supervisor._perform([do.SealBase()], w.quiet())
    assert "SealBase failed" in parts.journal.alerts["disk"]["message"]
    assert supervisor._perform([do.SealBase()], w.quiet())


def test_an_inbox_that_is_gone_is_an_alert_until_it_is_back(
    supervisor: Supervisor, parts: Parts
) -> None:
    """Fault N9."""
    inbox = parts.workspace.layout.inbox
    inbox.rename(inbox.with_name("elsewhere"))
    supervisor._announce(supervisor._observer.observe(stopping=False))
    assert str(inbox) in parts.journal.alerts["inbox"]["message"]
    inbox.with_name("elsewhere").rename(inbox)
    supervisor._announce(supervisor._observer.observe(stopping=False))
    assert "inbox" not in parts.journal.alerts


def test_a_link_that_is_gone_is_an_alert_until_it_is_back(
    supervisor: Supervisor, parts: Parts
) -> None:
    """Fault V5."""

    def alerts() -> list[str]:
        supervisor._announce(supervisor._observer.observe(stopping=False))
        return list(parts.journal.alerts)

    assert alerts() == []
    version = parts.workspace.models.seal_base("2030-01-01T00:00:00+00:00", w.FACTS, {})
    assert alerts() == ["current_model"]
    current_model.point_at(parts.workspace.layout, version)
    assert "current_model" not in alerts()
