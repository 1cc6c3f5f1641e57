"""Which file is to blame for the death of an intake worker (fault Q5)."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon import app
from daemon.core.decisions import actions as do
from daemon.core.decisions.deaths import Cause
from daemon.core.decisions.decide import decide
from daemon.core.decisions.snapshot import WorkerState
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.jobs import JobCard
from daemon.folders.models import bases
from daemon.folders.queue import readings
from daemon.layout import Layout
from daemon.supervisor.parts import Parts
from daemon.supervisor.supervisor import Supervisor
from daemon.supervisor.worker_process import Died, WorkerProcess
from tests.core import worlds as w

DEAF = "import signal; signal.pause()"


def parts_of(root: Path) -> Parts:
    """Return the parts of a daemon whose intake worker never comes to read a file."""
    made = app._parts(Layout(root), rehearse=True, console=False)
    return replace(
        made,
        intake=WorkerProcess([sys.executable, "-c", DEAF], root, made.clock, made.wakeups, 5.0),
    )


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(parts_of(tmp_path))
    yield made
    made._close()


def add(parts: Parts, name: str) -> JobCard:
    card = parts.queue.create(name, "normal", "")
    parts.layout.job("incoming", card.job).original.write_text("{}\n")
    return replace(card, intake_starts=1)


def cards(parts: Parts) -> dict[str, JobCard]:
    return {card.job: card for card in parts.queue.cards("incoming")}


def kill_unseen(parts: Parts) -> None:
    """End the worker; the supervisor, which is killed too, hears nothing of it."""
    parts.intake.kill(wanted=False)
    while parts.intake.listen()[1] is None:
        parts.wakeups.wait(0.01)


def died(*held: str, wanted: bool = False) -> Died:
    return Died(held[0], held[1:], "SIGKILL", wanted, False, False, "", Cause("other"))


def test_a_daemon_that_is_killed_before_its_worker_reads_never_parks_the_file(
    tmp_path: Path,
) -> None:
    """A slow machine, restarts every two seconds: at the tenth a good file lay in failed/."""
    parts = parts_of(tmp_path)
    facts = BaseFacts(
        name="tiny",
        model=parts.settings.now.model,
        fingerprint="f",
        tokenizer="t",
        template="t",
        dtype="float32",
        source="here",
        architecture="llama",
        bytes=1,
        context_tokens=10,
        num_layers=1,
    )
    parts.layout.base("tiny").mkdir(parents=True)
    bases.write_facts(parts.layout, facts)
    job = add(parts, "good.jsonl").job
    for _ in range(12):
        supervisor = Supervisor(parts_of(tmp_path))
        seen = supervisor._observer.look(stopping=False)
        actions = [
            a for a in decide(w.quiet(incoming=seen.incoming)) if not isinstance(a, do.Reply)
        ]
        assert [type(action).__name__ for action in actions] == ["BeginIntake"]
        supervisor._performer.perform(actions[0], w.quiet())
        kill_unseen(supervisor._parts)
        supervisor._close()
    assert cards(parts_of(tmp_path))[job].intake_starts == 12


def test_a_death_counts_for_the_file_that_was_being_read(supervisor: Supervisor) -> None:
    """The worker died of a huge file, and the small one it had not come to was blamed."""
    parts = supervisor._parts
    huge, small = add(parts, "huge.jsonl").job, add(parts, "small.jsonl").job
    readings.begin(parts.layout.job("incoming", huge))
    supervisor._worker_reports._on_death(died(small, huge), trainer=False)
    supervisor._worker_reports._retries.flush(False)
    assert {job: card.intake_deaths for job, card in cards(parts).items()} == {huge: 1, small: 0}


def test_a_death_before_anything_was_read_counts_for_the_file_that_was_handed_over(
    supervisor: Supervisor,
) -> None:
    """Else a worker that cannot begin at all would be started for ever."""
    parts = supervisor._parts
    job = add(parts, "a.jsonl").job
    supervisor._worker_reports._on_death(died(job), trainer=False)
    supervisor._worker_reports._retries.flush(False)
    assert cards(parts)[job].intake_deaths == 1


def test_a_worker_that_was_told_to_leave_leaves_no_file_blamed(supervisor: Supervisor) -> None:
    """Of two files it held, the start of the one set aside stayed counted."""
    parts = supervisor._parts
    huge, small = add(parts, "huge.jsonl").job, add(parts, "small.jsonl").job
    for job in (huge, small):
        readings.begin(parts.layout.job("incoming", job))
    supervisor._worker_reports._on_death(died(small, huge, wanted=True), trainer=False)
    supervisor._worker_reports._retries.flush(False)
    for job in (huge, small):
        assert readings.look(parts.layout.job("incoming", job)).begun == 0
        assert cards(parts)[job].intake_deaths == 0


def test_a_file_whose_reading_never_ended_is_counted_by_the_next_look(
    supervisor: Supervisor,
) -> None:
    parts = supervisor._parts
    card = add(parts, "deadly.jsonl")
    parts.queue.update("incoming", card)
    for _ in range(10):
        readings.begin(parts.layout.job("incoming", card.job))
    [incoming] = supervisor._observer.look(stopping=False).incoming
    assert incoming.readings == 10
    [action] = decide(w.quiet(incoming=(incoming,)))
    assert isinstance(action, do.EndJob) and action.outcome == "crashed"
    held = w.quiet(incoming=(incoming,), intake=WorkerState("busy", "000009-other", (card.job,)))
    assert not [a for a in decide(held) if isinstance(a, do.EndJob)]
