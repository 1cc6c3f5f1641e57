"""Runs a worker (intake or trainer) as a child process and tracks its state and last report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.clock import Clock
from daemon.core import messages as say
from daemon.core.decisions.deaths import Cause, Ending, classify
from daemon.core.decisions.silence import Silence
from daemon.core.decisions.snapshot import WorkerState
from daemon.errors import ExitCode
from daemon.supervisor.child import Child
from daemon.supervisor.pressure import PressureGauge
from daemon.supervisor.signals import Wakeups

State = Literal["off", "idle", "busy", "paused", "leaving"]
FULL_REST_S = 5.0
"""How long to wait before a restart after the disk was full."""

GRACE_S = 2.0
"""How long beyond its budget a leaving worker may take before it is killed."""


@dataclass(frozen=True)
class Died:
    """The end of a worker process."""

    on: str | None
    others: tuple[str, ...]
    """Jobs it had interrupted for that one."""
    how: str
    wanted: bool
    """It was ordered to end, or exited with status 0."""
    busy: bool
    """Another process held the model: not the job's fault."""
    full: bool
    """The disk was full: not the job's fault either."""
    stderr: str
    cause: Cause
    """The kind of death, as far as there are signs of it."""


class WorkerProcess:
    """One worker, started when there is work and left running while it is warm."""

    def __init__(
        self, argv: Sequence[str], cwd: Path, clock: Clock, wakeups: Wakeups, budget_s: float
    ) -> None:
        self._argv = argv
        self._cwd = cwd
        self._clock = clock
        self._wakeups = wakeups
        self._budget_s = budget_s
        self._child: Child | None = None
        self._gauge = PressureGauge(clock)
        self._state: State = "off"
        self._on: str | None = None
        self._others: list[str] = []
        self._since_s = 0.0
        self._polled_s = 0.0
        self._silence = Silence()
        self._ordered_to_end = False
        self._pausing = False
        self._not_before_s = 0.0
        self._doing = ""

    @property
    def pid(self) -> int | None:
        """The process id; None if it does not run."""
        return self._child.pid if self._child is not None else None

    def view(self) -> WorkerState:
        """Return the state for the snapshot."""
        now_s = self._clock.monotonic_s()
        if self._state == "off" and now_s < self._not_before_s:
            return WorkerState("leaving")
        others = tuple(self._others)
        idle_s = now_s - self._since_s
        return WorkerState(
            self._state,
            self._on,
            others,
            idle_s,
            self._silence.seconds,
            self._silence.step_s,
            self._doing,
        )

    def begin(self, order: say.Order, on: str) -> None:
        """Send work, starting the process if it is off; its current work is interrupted."""
        if self._child is None:
            self._child = Child(self._argv, self._cwd, self._wakeups)
            self._gauge = PressureGauge(self._clock)
            self._ordered_to_end = False
        if self._state == "busy" and self._on is not None:
            self._others.append(self._on)
        self._turn("busy", on)
        self._child.send(order)

    def send(self, order: say.Order) -> None:
        """Send an order about the current work."""
        if self._child is None:
            return
        self._child.send(order)
        if isinstance(order, say.Abandon | say.Stop):
            self._ordered_to_end = isinstance(order, say.Stop)
            self._turn("leaving", self._on)
        elif isinstance(order, say.Resume):
            self._turn("busy", self._on)

    def pause(self) -> None:
        """Order a pause, once."""
        if not self._pausing:
            self._pausing = True
            self.send(say.Pause())

    def kill(self, wanted: bool) -> None:
        """Kill the process; with `wanted` its death is not counted."""
        if self._child is not None:
            self._ordered_to_end = wanted
            self._child.kill()

    def listen(self) -> tuple[list[say.Report | str], Died | None]:
        """Return the worker's reports, and its death if it has died."""
        if self._child is None:
            return [], None
        ended = self._child.ended
        reports = self._child.read_reports()
        self._listen_for_steps(reports)
        for report in reports:
            self._follow(report)
        if ended is None:
            self._gauge.sample()
            self._kill_sooner()
            return reports, None
        return reports, self._reap(ended)

    def _listen_for_steps(self, reports: list[say.Report | str]) -> None:
        now_s = self._clock.monotonic_s()
        passed_s, self._polled_s = now_s - self._polled_s, now_s
        if reports:
            step = any(isinstance(report, say.Stepped | say.UnitStepped) for report in reports)
            self._silence = self._silence.after_report(passed_s, step)
        else:
            self._silence = self._silence.after_poll(passed_s)

    def _follow(self, report: say.Report | str) -> None:
        match report:
            case say.Alive(doing):
                self._doing = doing
            case say.IntakeProgress():
                self._doing = ""
            case say.Paused() if self._state == "busy":
                self._turn("paused", self._on)
            case say.TakenIn() if self._others and not self._ordered_to_end:
                self._turn("busy", self._others.pop())
            case (
                say.TakenIn()
                | say.Prepared()
                | say.PrepareFailed()
                | say.CandidateReady()
                | say.RunEnded()
                | say.RunRefused()
                | say.Abandoned()
                | say.UnitEnded()
                | say.OrderEnded()
            ) if not self._ordered_to_end:
                self._turn("idle", None)

    def _kill_sooner(self) -> None:
        late = self._clock.monotonic_s() - self._since_s > self._budget_s + GRACE_S
        if self._state == "leaving" and late:
            self.kill(wanted=True)

    def _reap(self, ended: int) -> Died:
        assert self._child is not None
        child, self._child = self._child, None
        wanted = self._ordered_to_end or ended == 0
        died = Died(
            on=self._on,
            others=tuple(self._others),
            how=child.how_it_died(),
            wanted=wanted,
            busy=ended == ExitCode.BUSY,
            full=ended == ExitCode.DISK_FULL,
            stderr=child.tail(),
            cause=classify(Ending(ended, child.tail(), wanted, **vars(self._gauge.read()))),
        )
        child.reap()
        self._others.clear()
        self._turn("off", None)
        if died.busy:
            self._not_before_s = self._clock.monotonic_s() + 1.0
        if died.full:
            self._not_before_s = self._clock.monotonic_s() + FULL_REST_S
        return died

    def _turn(self, state: State, on: str | None) -> None:
        self._state, self._on = state, on
        self._pausing = False
        self._doing = ""
        self._since_s = self._polled_s = self._clock.monotonic_s()
        self._silence = Silence(steps=self._silence.steps)

    def leave(self) -> None:
        """Order the process to commit and end."""
        self.send(say.Stop())

    @property
    def gone(self) -> bool:
        """Whether the process has ended."""
        return self._child is None or self._child.ended is not None
