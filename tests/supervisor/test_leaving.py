"""How the supervisor ends: asked twice, without a disk, without a workspace (faults C8, D2)."""

import errno
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core import messages as say
from daemon.core.decisions import actions as do
from daemon.core.decisions.patience import BROKEN, GIVE_UP_S, TRIES
from daemon.errors import DiskFault, ExitCode
from daemon.supervisor.supervisor import Supervisor
from daemon.supervisor.worker_process import WorkerProcess
from tests.clocks import StillClock
from tests.core import worlds as w
from tests.manifests import run_request
from tests.supervisor.parts import Parts, parts_of

DEAF = "import signal; signal.pause()"


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def parts(tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> Parts:
    made = parts_of(tmp_path, clock)
    # The signals of the process that tests are not the supervisor's to take.
    monkeypatch.setattr(made.sources.signals, "install", lambda: None)
    deaf = WorkerProcess([sys.executable, "-c", DEAF], tmp_path, clock, made.sources.wakeups, 5.0)
    return replace(made, workers=replace(made.workers, trainer=deaf))


@pytest.fixture
def supervisor(parts: Parts) -> Iterator[Supervisor]:
    made = parts.supervisor()
    yield made
    parts.workers.trainer.kill(wanted=True)
    made._close()


def at_each_wait(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, then: Callable[[float], None]
) -> list[float]:
    """Do something at each wait of the supervisor; return how long each was to be."""
    waits: list[float] = []
    wait = parts.sources.wakeups.wait

    def stand_in(timeout_s: float) -> None:
        waits.append(timeout_s)
        then(timeout_s)
        wait(min(timeout_s, 0.01))

    monkeypatch.setattr(parts.sources.wakeups, "wait", stand_in)
    return waits


def test_a_second_signal_ends_a_worker_that_does_not_hear(
    supervisor: Supervisor, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault C8: the clock stands still, so its time to commit never runs out."""
    parts.workers.trainer.begin(say.Train("r000001"), "r000001")
    parts.sources.signals.stops = 1
    waits: list[float] = []

    def again(seconds: float) -> None:
        waits.append(seconds)
        parts.sources.signals.stops = 1 + (len(waits) >= 5)

    at_each_wait(parts, monkeypatch, again)
    assert supervisor._leave(w.quiet(), ExitCode.OK) == ExitCode.OK
    assert parts.workers.trainer.gone and len(waits) >= 5


@pytest.mark.parametrize("number", BROKEN)
def test_a_disk_that_stays_broken_ends_the_daemon_with_a_sentence(
    supervisor: Supervisor,
    parts: Parts,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """Fault D2."""

    def refuse() -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(supervisor, "tick", refuse)
    waits = at_each_wait(parts, monkeypatch, clock.pass_s)
    with pytest.raises(DiskFault, match="repair the disk") as fault:
        supervisor.run(until_idle=False)
    assert fault.value.exit_code == ExitCode.DISK_BROKEN
    assert len(waits) >= TRIES - 1 and sum(waits) >= GIVE_UP_S


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES])
def test_what_may_mend_itself_is_told_and_tried_until_the_user_stops_it(
    supervisor: Supervisor,
    parts: Parts,
    clock: StillClock,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """Fault D2."""

    def refuse() -> None:
        raise OSError(number, "refused")

    def pass_and_stop(seconds: float) -> None:
        clock.pass_s(seconds)
        if clock.monotonic_s() > 10 * GIVE_UP_S:
            parts.sources.signals.stops = 1

    monkeypatch.setattr(supervisor, "tick", refuse)
    at_each_wait(parts, monkeypatch, pass_and_stop)
    assert supervisor.run(until_idle=False) == ExitCode.OK
    assert "refused" in parts.journal.alerts["disk"]["message"]


def test_an_action_is_not_tried_again_before_its_rest_is_over(
    supervisor: Supervisor, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault D2."""
    tried = []

    def refuse(action: do.Action, _: object) -> None:
        tried.append(action)
        raise OSError(errno.EACCES, "refused")

    monkeypatch.setattr(supervisor._performer, "perform", refuse)
    for _ in range(5):
        supervisor._perform([do.SealBase()], w.quiet())
    assert len(tried) == 2
    clock.pass_s(1.0)
    supervisor._perform([do.SealBase()], w.quiet())
    assert len(tried) == 3


@pytest.mark.parametrize("back", [False, True])
def test_a_workspace_that_is_removed_or_replaced_ends_its_daemon_and_is_not_made_again(
    supervisor: Supervisor, parts: Parts, back: bool
) -> None:
    """Fault D2."""
    root = parts.workspace.layout.root
    aside = root.with_name(f"{root.name}-aside")
    root.rename(aside)
    if back:
        shutil.copytree(aside, root)
    with pytest.raises(DiskFault, match="was removed, moved or replaced") as fault:
        supervisor.run(until_idle=False)
    assert str(root) in fault.value.message
    assert root.exists() is back


def test_deaths_that_cannot_be_written_down_are_counted_when_they_can(
    supervisor: Supervisor, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults D2, Q5: once, however often the disk refuses."""
    run = "r000001"
    parts.workspace.runs.open(run_request(run))
    write, refusals = parts.workspace.runs.write_attempts, 2

    def refuse(*given: object) -> None:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise OSError(errno.EIO, "refused")
        write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(parts.workspace.runs, "write_attempts", refuse)
    parts.workers.trainer.begin(say.Train(run), run)
    parts.workers.trainer.kill(wanted=False)
    for _ in range(1000):
        try:
            supervisor._worker_reports.listen(leaving=False)
        except OSError:
            continue
        if parts.workspace.runs.attempts(run).seen:
            break
        parts.sources.wakeups.wait(0.01)
    supervisor._worker_reports.listen(leaving=False)
    assert parts.workspace.runs.attempts(run).seen == 1


def test_a_workspace_that_was_replaced_is_known_though_its_folder_has_the_old_inode(
    supervisor: Supervisor, parts: Parts
) -> None:
    """Fault D2: the inode of a folder that was removed is given to the next one."""
    parts.workspace.layout.workspace_lock.touch()
    supervisor._trouble = parts.trouble()
    supervisor._trouble.check_ground()
    with (
        parts.workspace.layout.workspace_lock.open(),
        pytest.raises(DiskFault, match="or replaced"),
    ):
        parts.workspace.layout.workspace_lock.unlink()
        parts.workspace.layout.workspace_lock.touch()
        supervisor._trouble.check_ground()
