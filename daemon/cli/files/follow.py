"""Follows dropped files until their jobs end, with a progress bar."""

from dataclasses import dataclass, field
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from daemon.cli.output.screen import err, safe
from daemon.cli.output.status_page import newest
from daemon.cli.place import DaemonWatch, alive
from daemon.clock import Clock
from daemon.core.records import JsonObject
from daemon.core.status.durations import duration
from daemon.core.status.shown import ShownStatus
from daemon.folders.status.reading import Lines, read_status
from daemon.layout import Layout

POLL_S = 0.25


@dataclass
class Followed:
    """One dropped file on its way."""

    name: str
    inode: int
    written_ns: int
    """Its modification time: the inode of a removed file is reused."""
    job: str | None = None
    state: str | None = None
    """The folder its job ended in; None until then."""
    outcome: str = ""
    version: str | None = None
    message: str = ""


@dataclass
class Follower:
    """Reads events from before the drop on, so that none is missed."""

    layout: Layout
    clock: Clock
    files: list[Followed] = field(default_factory=list)
    _events: Lines = field(init=False)
    _watch: DaemonWatch = field(init=False)

    def __post_init__(self) -> None:
        self._events = Lines(self.layout.events_file)
        self._watch = DaemonWatch(self.layout, self.clock, "the work")

    def until_ended(self) -> None:
        """Show progress until every file's job has ended.

        Raises:
            NotRunning: the daemon is gone; the files wait for the next one.
            Blocked: it can train nothing until the user has done something.
        """
        with _Bar() as bar:
            while any(followed.state is None for followed in self.files):
                running = alive(self.layout) is not None
                for event in self._events.new():
                    self._record(event)
                document = read_status(self.layout) or {}
                bar.show(document, self.files)
                if any(followed.state is None for followed in self.files):
                    self._watch.check(running, document)
                self.clock.sleep_s(POLL_S)

    def _record(self, event: JsonObject) -> None:
        for followed in self.files:
            match event.get("event"):
                case "claimed" if followed.job is None and self._is(event, followed):
                    followed.job = str(event.get("job"))
                case "put_back" if followed.job == event.get("job"):
                    followed.job = None
                case "job_ended" if followed.job is not None and followed.job == event.get("job"):
                    followed.state = str(event.get("state"))
                    followed.outcome = str(event.get("outcome"))
                    version = event.get("version")
                    followed.version = None if version is None else str(version)
                    followed.message = str(event.get("message"))

    def _is(self, event: JsonObject, followed: Followed) -> bool:
        # A claim across volumes copies the file, and a copy has another inode.
        same_volume = self.layout.inbox.stat().st_dev == self.layout.queue.stat().st_dev
        if same_volume:
            # A daemon of an earlier release reports the inode alone.
            written_ns = event.get("written_ns", followed.written_ns)
            return (event.get("inode"), written_ns) == (followed.inode, followed.written_ns)
        return event.get("name") == followed.name


class _Bar:
    """One line: the stage, its progress, loss, accuracy, time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description}", markup=True),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[facts]}", markup=False),
            console=err,
            transient=True,
        )
        self._printed: tuple[str, int] = ("", 0)
        self._task: TaskID = self._progress.add_task("waiting", total=None, facts="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, document: ShownStatus, files: list[Followed]) -> None:
        """Draw the current state."""
        stage = str(document.get("status") or "starting")
        if all(followed.job is None for followed in files) and stage == "idle":
            stage = "settling"
        total = document.get("batch_total_steps")
        if not err.is_terminal:
            self._print(stage, document)
            return
        self._progress.update(
            self._task,
            description=f"{stage:<9}",
            total=total,
            completed=document.get("batch_step") or 0,
            facts=_facts(document),
        )

    def _print(self, stage: str, document: ShownStatus) -> None:
        """Print a line at each stage and each tenth of a run where no bar can be drawn."""
        progress = (stage, int(document.get("progress_percent") or 0) // 10)
        if progress != self._printed:
            self._printed = progress
            err.print(f"{stage:<9} {_facts(document)}", markup=False, soft_wrap=True)


def _facts(document: ShownStatus) -> str:
    parts = []
    step, total = document.get("batch_step"), document.get("batch_total_steps")
    if total:
        parts.append(f"step {step} of {total}")
    if total and document.get("loss") is not None:
        parts.append(f"loss {document['loss']:.3f}")
    # Like the steps before it, the step of the measurement counts from the start of the run.
    if total and (measured := newest(document, "step_in_run")) is not None:
        parts.append(measured)
    eta_s = document.get("eta_seconds")
    if total and eta_s is not None and step != total:
        parts.append(f"{duration(eta_s)} left")
    return safe(", ".join(parts) or str(document.get("message") or ""))
