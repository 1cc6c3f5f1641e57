"""How a worker's death is told on, with real processes."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.decisions import actions as do
from daemon.core.decisions.snapshot import Attempts
from daemon.folders.runs.run_requests import RunRequests
from daemon.folders.runs.runs import begin_attempt, commit, note_exam_progress
from daemon.layout import Layout
from daemon.supervisor.perform import Performer
from daemon.supervisor.signals import Wakeups
from daemon.supervisor.worker_process import GRACE_S, Died, WorkerProcess
from tests.clocks import StillClock
from tests.core import worlds as w
from tests.manifests import run_request
from tests.supervisor.parts import parts_of

PATIENCE_S = 30.0
ABORTING = """
import os, sys
sys.stdin.readline()
print({!r}, file=sys.stderr, flush=True)
os.abort()
"""
WAITING = """
import sys
print({!r}, file=sys.stderr, flush=True)
print("up", flush=True)
sys.stdin.read()
"""
OUT_OF_MEMORY = "RuntimeError: [metal::malloc] Attempting to allocate 9 bytes"
LOST = "Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)"


@pytest.fixture
def wakeups() -> Wakeups:
    return Wakeups()


def begin(code: str, folder: Path, wakeups: Wakeups) -> WorkerProcess:
    worker = WorkerProcess([sys.executable, "-c", code], folder, SystemClock(), wakeups, 5.0)
    worker.begin(say.Train("r000001"), "r000001")
    return worker


def death_of(worker: WorkerProcess, wakeups: Wakeups) -> Died:
    clock = SystemClock()
    until_s = clock.monotonic_s() + PATIENCE_S
    while clock.monotonic_s() < until_s:
        _, died = worker.listen()
        if died is not None:
            return died
        wakeups.wait(0.05)
    raise AssertionError("it lives on")


@pytest.mark.parametrize(("words", "kind"), [(OUT_OF_MEMORY, "memory"), (LOST, "device")])
def test_an_abort_is_known_by_its_last_words(
    tmp_path: Path, wakeups: Wakeups, words: str, kind: str
) -> None:
    """Fault T14."""
    died = death_of(begin(ABORTING.format(words), tmp_path, wakeups), wakeups)
    assert died.on == "r000001" and died.cause.kind == kind
    assert died.cause.sign and died.cause.sign in words


def test_a_worker_that_does_not_leave_in_time_is_ended_and_that_is_not_its_fault(
    tmp_path: Path, wakeups: Wakeups
) -> None:
    """Whatever it is busy with: the last commit stands (fault D5)."""
    clock = StillClock()
    worker = WorkerProcess(
        [sys.executable, "-c", WAITING.format("")], tmp_path, clock, wakeups, 5.0
    )
    worker.begin(say.Train("r000001"), "r000001")
    worker.leave()
    assert worker.listen()[1] is None
    clock.pass_s(5.0 + GRACE_S + 0.1)
    assert death_of(worker, wakeups).wanted


def test_a_plain_kill_is_not_of_memory_even_after_words_of_it(
    tmp_path: Path, wakeups: Wakeups
) -> None:
    """Fault Q7."""
    worker = begin(WAITING.format(OUT_OF_MEMORY), tmp_path, wakeups)
    clock = SystemClock()
    until_s = clock.monotonic_s() + PATIENCE_S
    while not worker.listen()[0]:
        assert clock.monotonic_s() < until_s
        wakeups.wait(0.05)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    died = death_of(worker, wakeups)
    assert (died.cause.kind, died.wanted) == ("other", False)


class Noting:
    """Stands for the trainer's worker: notes what it is given."""

    def __init__(self) -> None:
        self.orders: list[say.Order] = []

    def begin(self, order: say.Order, on: str) -> None:
        self.orders.append(order)


def test_the_next_start_is_told_what_the_last_one_died_of_once(tmp_path: Path) -> None:
    layout, trainer = Layout(tmp_path), Noting()
    runs = RunRequests(layout)
    runs.make_folders()
    runs.open(run_request("r000001"))
    parts = parts_of(tmp_path)
    workers = replace(parts.workers, trainer=cast("WorkerProcess", trainer))
    performer = Performer(parts.workspace, workers, parts.journal)
    runs.write_attempts("r000001", Attempts(1, 0, "SIGABRT", "memory"))
    for _ in range(2):
        performer.perform(do.BeginRun("r000001"), w.quiet())
        begin_attempt(layout.run("r000001"))
    assert trainer.orders == [say.Train("r000001", "memory"), say.Train("r000001")]
    found = runs.attempts("r000001")
    assert (found.counted, found.last_death, found.after) == (3, "SIGABRT", None)


def test_attempts_of_an_earlier_release_are_still_counted(tmp_path: Path) -> None:
    """Fault D15."""
    runs = RunRequests(Layout(tmp_path))
    runs.make_folders()
    runs.open(run_request("r000001"))
    path = Layout(tmp_path).run("r000001").attempts
    path.write_text('{"started": 2, "seen": 1, "last_death": "SIGSEGV"}')
    assert runs.attempts("r000001") == Attempts(2, 1, "SIGSEGV")


def test_a_commit_of_which_the_supervisor_never_heard_is_progress_all_the_same(
    tmp_path: Path,
) -> None:
    """Fault Q5."""
    runs, place = RunRequests(Layout(tmp_path)), Layout(tmp_path).run("r000001")
    runs.make_folders()
    runs.open(run_request("r000001"))
    commit(place, 4, lambda _: None, keep=2)
    runs.reset_attempts("r000001")
    twice = Attempts(2, 2, "SIGKILL", since_step=4)
    runs.write_attempts("r000001", twice)
    assert runs.attempts("r000001") == twice
    commit(place, 6, lambda _: None, keep=2)
    assert runs.attempts("r000001") == Attempts(since_step=6)


def test_answers_to_the_exam_are_progress_as_a_commit_is(tmp_path: Path) -> None:
    """A run whose exam takes longer than an uptime was given up at the third death in it."""
    runs, place = RunRequests(Layout(tmp_path)), Layout(tmp_path).run("r000001")
    runs.make_folders()
    runs.open(run_request("r000001"))
    commit(place, 4, lambda _: None, keep=2)
    runs.write_attempts("r000001", Attempts(2, 2, "SIGKILL", since_step=4))
    note_exam_progress(place)
    assert runs.attempts("r000001") == Attempts(since_step=4, since_exam=1)
    runs.write_attempts("r000001", Attempts(1, 1, "SIGKILL", None, 4, 1))
    assert runs.attempts("r000001").seen == 1
    commit(place, 6, lambda _: None, keep=2)
    assert runs.attempts("r000001") == Attempts(since_step=6, since_exam=1)


def test_what_a_worker_says_it_is_at_is_known_until_it_is_at_something_else(
    tmp_path: Path, wakeups: Wakeups
) -> None:
    lines: list[say.Report] = [say.Alive("making the families"), say.IntakeProgress("r000001", 3)]
    code = "\n".join(
        f"print({say.encode(line).decode().strip()!r}, flush=True); sys.stdin.readline()"
        for line in lines
    )
    worker = begin(f"import sys; sys.stdin.readline()\n{code}", tmp_path, wakeups)
    seen: list[str] = []
    for wanted in ("making the families", ""):
        while worker.view().doing != wanted:
            wakeups.wait(1.0)
            worker.listen()
        seen.append(wanted)
        worker.send(say.Resume())
    assert seen == ["making the families", ""]
    worker.kill(wanted=True)
    death_of(worker, wakeups)
