"""Which file is to blame for the death of an intake worker (fault Q5)."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.decisions import actions as do
from daemon.core.decisions.deaths import Cause
from daemon.core.decisions.decide import decide
from daemon.core.decisions.snapshot import WorkerState
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.jobs import JobCard
from daemon.folders.models import bases
from daemon.folders.queue import readings
from daemon.supervisor.supervisor import Supervisor
from daemon.supervisor.worker_process import Died, WorkerProcess
from tests.core import worlds as w
from tests.supervisor.parts import Parts, parts_of

DEAF = "import signal; signal.pause()"


def with_deaf_intake(root: Path) -> Parts:
    """Return the parts of a daemon whose intake worker never comes to read a file."""
    made = parts_of(root)
    deaf = WorkerProcess([sys.executable, "-c", DEAF], root, made.clock, made.sources.wakeups, 5.0)
    return replace(made, workers=replace(made.workers, intake=deaf))


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return with_deaf_intake(tmp_path)


def add(parts: Parts, name: str) -> JobCard:
    card = parts.workspace.queue.create(name, "normal", "")
    parts.workspace.layout.job("incoming", card.job).original.write_text("{}\n")
    return replace(card, intake_starts=1)


def cards(parts: Parts) -> dict[str, JobCard]:
    return {card.job: card for card in parts.workspace.queue.cards("incoming")}


def kill_unseen(parts: Parts) -> None:
    """End the worker; the supervisor, which is killed too, hears nothing of it."""
    parts.workers.intake.kill(wanted=False)
    while parts.workers.intake.listen()[1] is None:
        parts.sources.wakeups.wait(0.01)


def died(*held: str, wanted: bool = False) -> Died:
    return Died(held[0], held[1:], "SIGKILL", wanted, False, False, "", Cause("other"))


def test_a_daemon_that_is_killed_before_its_worker_reads_never_parks_the_file(
    tmp_path: Path,
) -> None:
    """A slow machine, restarts every two seconds: at the tenth a good file lay in failed/."""
    parts = with_deaf_intake(tmp_path)
    facts = BaseFacts(
        name="tiny",
        model=parts.workspace.settings.now.model,
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
    parts.workspace.layout.base("tiny").mkdir(parents=True)
    bases.write_facts(parts.workspace.layout, facts)
    job = add(parts, "good.jsonl").job
    for _ in range(12):
        begun = with_deaf_intake(tmp_path)
        supervisor = begun.supervisor()
        seen = supervisor._observer.observe(stopping=False)
        actions = [
            a for a in decide(w.quiet(incoming=seen.incoming)) if not isinstance(a, do.Reply)
        ]
        assert [type(action).__name__ for action in actions] == ["BeginIntake"]
        supervisor._performer.perform(actions[0], w.quiet())
        kill_unseen(begun)
        supervisor._close()
    assert cards(with_deaf_intake(tmp_path))[job].intake_starts == 12


def test_a_death_counts_for_the_file_that_was_being_read(
    supervisor: Supervisor, parts: Parts
) -> None:
    """The worker died of a huge file, and the small one it had not come to was blamed."""
    huge, small = add(parts, "huge.jsonl").job, add(parts, "small.jsonl").job
    readings.begin(parts.workspace.layout.job("incoming", huge))
    supervisor._worker_reports._on_death(died(small, huge), trainer=False)
    supervisor._worker_reports._retries.flush(False)
    assert {job: card.intake_deaths for job, card in cards(parts).items()} == {huge: 1, small: 0}


def test_a_death_before_anything_was_read_counts_for_the_file_that_was_handed_over(
    supervisor: Supervisor, parts: Parts
) -> None:
    """Else a worker that cannot begin at all would be started for ever."""
    job = add(parts, "a.jsonl").job
    supervisor._worker_reports._on_death(died(job), trainer=False)
    supervisor._worker_reports._retries.flush(False)
    assert cards(parts)[job].intake_deaths == 1


def test_a_worker_that_was_told_to_leave_leaves_no_file_blamed(
    supervisor: Supervisor, parts: Parts
) -> None:
    """Of two files it held, the start of the one set aside stayed counted."""
    huge, small = add(parts, "huge.jsonl").job, add(parts, "small.jsonl").job
    for job in (huge, small):
        readings.begin(parts.workspace.layout.job("incoming", job))
    supervisor._worker_reports._on_death(died(small, huge, wanted=True), trainer=False)
    supervisor._worker_reports._retries.flush(False)
    for job in (huge, small):
        assert readings.load(parts.workspace.layout.job("incoming", job)).begun == 0
        assert cards(parts)[job].intake_deaths == 0


def test_a_file_whose_reading_never_ended_is_counted_by_the_next_look(
    supervisor: Supervisor, parts: Parts
) -> None:
    card = add(parts, "deadly.jsonl")
    parts.workspace.queue.update("incoming", card)
    for _ in range(10):
        readings.begin(parts.workspace.layout.job("incoming", card.job))
    [incoming] = supervisor._observer.observe(stopping=False).incoming
    assert incoming.readings == 10
    [action] = decide(w.quiet(incoming=(incoming,)))
    assert isinstance(action, do.EndJob) and action.outcome == "crashed"
    held = w.quiet(incoming=(incoming,), intake=WorkerState("busy", "000009-other", (card.job,)))
    assert not [a for a in decide(held) if isinstance(a, do.EndJob)]
