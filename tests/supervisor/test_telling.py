"""What the supervisor tells once, and of which file."""

import errno
import gzip
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core import messages as say
from daemon.core.decisions.deaths import Cause
from daemon.core.rows.refusal import Bad
from daemon.folders.disk import atomic
from daemon.folders.models import current_model
from daemon.intake.reporting import refusal
from daemon.intake.unpacking import Unpacker
from daemon.settings_tables import IntakeSettings
from daemon.supervisor.intake_alerts import raise_alerts, settle_alerts
from daemon.supervisor.supervisor import Supervisor
from daemon.supervisor.worker_process import Died
from tests.manifests import BASE
from tests.supervisor.parts import Parts


def told(parts: Parts) -> list[str]:
    lines = parts.workspace.layout.events_file.read_text().splitlines()
    return [line for line in lines if '"leftover"' in line]


def look(supervisor: Supervisor) -> None:
    supervisor._announce(supervisor._observer.observe(stopping=False))


def test_a_leftover_is_told_once_however_often_it_is_seen_or_grows(
    supervisor: Supervisor, parts: Parts
) -> None:
    path = parts.workspace.layout.inbox / "notes.txt"
    for number in range(3):
        path.write_text("more " * number)
        look(supervisor)
    assert len(told(parts)) == 1


def test_a_leftover_with_the_inode_of_an_earlier_one_is_told_too(
    supervisor: Supervisor, parts: Parts
) -> None:
    """It was known by its inode, which a file that is removed leaves to the next one."""
    path = parts.workspace.layout.inbox / "notes.txt"
    path.touch()
    look(supervisor)
    path.rename(parts.workspace.layout.inbox / "letter.txt")
    look(supervisor)
    assert ["letter.txt" in line for line in told(parts)] == [False, True]


def test_a_second_copy_that_failed_is_told_of_until_it_was_made(
    supervisor: Supervisor, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert stood until the next start, whatever came of the next try."""
    name = parts.workspace.models.seal_base("2030-01-01T00:00:00+00:00", BASE, {})

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    def keep_house(until: Callable[[], bool]) -> None:
        current_model.point_at(parts.workspace.layout, name)
        for _ in range(1000):
            seen = supervisor._observer.observe(stopping=False)
            supervisor._perform(supervisor._housekeeping(seen), seen)
            if until():
                return
            parts.sources.wakeups.wait(0.01)
        raise AssertionError(parts.journal.alerts)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "copy_file", full)
        keep_house(lambda: "backup_failed" in parts.journal.alerts)
    keep_house(lambda: "backup_failed" not in parts.journal.alerts)
    assert parts.workspace.models.kept_backups()


def test_a_model_that_was_busy_is_told_of_until_the_trainer_has_it(
    supervisor: Supervisor, parts: Parts
) -> None:
    """The alert stood for the life of the daemon."""
    busy = Died("r000001", (), "exit 4", False, True, False, "", Cause("other"))
    supervisor._worker_reports._on_death(busy, trainer=True)
    assert "model_busy" in parts.journal.alerts
    parts.workers.trainer.begin(say.Prepare(parts.workspace.settings.now.model), "prepare")
    for _ in range(3000):
        supervisor._worker_reports.listen(leaving=False)
        if "model_busy" not in parts.journal.alerts:
            break
        parts.sources.wakeups.wait(0.01)
    assert "model_busy" not in parts.journal.alerts
    parts.workers.trainer.kill(wanted=True)
    while not parts.workers.trainer.listen()[1]:
        parts.sources.wakeups.wait(0.01)


def test_a_file_that_contradicts_much_of_an_earlier_one_is_an_alert_until_its_job_has_ended(
    parts: Parts,
) -> None:
    """Rule R53: whoever dropped the wrong file must learn of it before it is trained."""
    place = parts.workspace.layout.job("incoming", "000002-prices")
    place.folder.mkdir(parents=True)
    message = "000002-prices answers 25 questions of 000001-prices otherwise"
    atomic.write_json(place.report, {"verdict": "accepted", "corrections": {"alert": message}})
    raise_alerts(parts.journal, place)
    assert parts.journal.alerts["corrections"]["message"] == message
    settle_alerts(parts.journal, "000001-prices")
    assert "corrections" in parts.journal.alerts
    settle_alerts(parts.journal, "000002-prices")
    assert "corrections" not in parts.journal.alerts
    atomic.write_json(place.report, {"verdict": "accepted", "corrections": {"alert": ""}})
    raise_alerts(parts.journal, place)
    assert "corrections" not in parts.journal.alerts


def test_half_a_packed_file_is_an_alert_until_its_job_has_ended(parts: Parts) -> None:
    """Only the report said it: half a `.gz` was trained and nobody who looked at status knew."""
    place = parts.workspace.layout.job("incoming", "000003-half")
    place.folder.mkdir(parents=True)
    packed = gzip.compress(
        b"".join(b'{"prompt":"q%d","completion":"a"}\n' % n for n in range(9999))
    )
    place.named_as("main", "half.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with ExitStack() as stack:
        unpacker = Unpacker(place.folder, IntakeSettings(), lambda: None, stack)
        text = unpacker.read("rows", [place.original])
    atomic.write_json(place.report, {"verdict": "accepted", "file": text.as_record()})
    raise_alerts(parts.journal, place)
    raise_alerts(parts.journal, place)
    assert "perhaps it was cut off" in parts.journal.alerts["cut_off"]["message"]
    assert "download it again" in parts.journal.alerts["cut_off"]["message"]
    events = parts.workspace.layout.events_file.read_text().splitlines()
    assert sum('"cut_off"' in line for line in events) == 1
    settle_alerts(parts.journal, "000003-half")
    assert "cut_off" not in parts.journal.alerts


def test_refused_files_are_an_alert_with_what_to_do_until_a_later_one_is_taken(
    parts: Parts, supervisor: Supervisor
) -> None:
    """The status said "1 failed" of a wrong file: why stood in the log and in `queue/failed/`."""
    queue = parts.workspace.queue
    for number in range(5):
        card = queue.create(f"wrong{number}.jsonl", "normal", "")
        reason = f"it is wrong {number}; drop another"
        queue.move(replace(card, outcome="refused", reason=reason), "incoming", "failed")
    look(supervisor)
    message = parts.journal.alerts["refused_files"]["message"]
    assert message.startswith("wrong4.jsonl is refused: it is wrong 4; drop another; wrong3.jsonl")
    assert "and 2 more" in message and "queue/failed/" in message
    reading = queue.create("next.jsonl", "normal", "")
    look(supervisor)
    assert "refused_files" in parts.journal.alerts
    queue.move(reading, "incoming", "normal")
    look(supervisor)
    assert "refused_files" not in parts.journal.alerts


def test_the_message_of_a_refused_file_says_what_to_do() -> None:
    """Only the report had the hint; log, event, card and status said no more than what it is."""
    message = refusal("refused", Bad("pdf", "the file is a PDF", "write its text"))["message"]
    assert message == "the file is a PDF; write its text"
