"""What is told: in an order that no clock disturbs, one line each, whatever a name holds."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.decisions.commands import Command
from daemon.folders.queue.ledger import Ledger
from daemon.folders.status.logs import open_log
from daemon.folders.status.status import StatusFolder
from daemon.layout import Layout
from daemon.settings import LogSettings
from daemon.supervisor.journal import Journal
from tests.clocks import StillClock
from tests.supervisor.parts import parts_of

HOSTILE = "\x1b[31m</script>\r\n\u202e" + "x" * 2**20


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path)
    found.queue.mkdir()
    return found


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


def make_journal(layout: Layout, clock: StillClock, boot: int = 1) -> Journal:
    status = StatusFolder(layout, 2**24, 3)
    status.make_folders()
    log = open_log(layout, LogSettings(), console=False)
    return Journal(status, Ledger(layout), log, clock, boot)


def events(layout: Layout) -> list[dict[str, Any]]:
    return [json.loads(line) for line in layout.events_file.read_bytes().splitlines()]


def test_the_number_of_an_event_rises_though_the_clock_goes_back(
    layout: Layout, clock: StillClock
) -> None:
    """Faults S5, D7."""
    clock.pass_s(1e6)
    make_journal(layout, clock).event("one", "first")
    clock.pass_s(-1e6)
    make_journal(layout, clock, boot=2).event("two", "second")
    first, second = events(layout)
    assert second["time"] < first["time"] and second["seq"] > first["seq"]


def test_an_event_is_one_short_line_whatever_it_tells(layout: Layout, clock: StillClock) -> None:
    """Fault S6."""
    make_journal(layout, clock).event("died", HOSTILE, name=HOSTILE)
    for path in (layout.events_file, layout.log_file):
        [line] = path.read_bytes().splitlines()
        assert len(line) < 6_000 and b"\x1b" not in line
        json.loads(line)


def test_each_answer_is_told_once(layout: Layout, clock: StillClock) -> None:
    """Fault C2."""
    journal = make_journal(layout, clock)
    for word in ("stop", "skip"):
        journal.answer(Command(f"1-new-{word}", word, "", 1, 1, False), "done", "so be it")
    assert [event["command"] for event in events(layout)] == ["stop", "skip"]
    assert [item["command"] for item in journal.answers] == ["stop", "skip"]


def test_an_alert_is_told_once_until_it_is_over(layout: Layout, clock: StillClock) -> None:
    """A disk that stays full does not fill the events (fault D1)."""
    journal = make_journal(layout, clock)
    for _ in range(5):
        journal.alert("disk_full", "the disk is full")
    journal.settle("disk_full")
    assert [event["event"] for event in events(layout)] == ["alert", "alert_ended"]
    assert journal.alerts == {}


def test_numbers_rise_after_an_older_backup_of_the_queue(layout: Layout) -> None:
    """The count of starts was trusted alone, and `seq` fell back to that of the backup."""
    for _ in range(3):
        parts = parts_of(layout.root)
        parts.journal.event("x", "y")
        parts.workspace.ledger.close()
        parts.workers.background.close()
    (layout.queue / ".boots").write_text("1\n")
    again = parts_of(layout.root)
    assert again.journal.boot == 4 and again.journal.take_seq() > parts.journal.take_seq()
    again.workspace.ledger.close()
    again.workers.background.close()
