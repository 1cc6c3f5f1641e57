"""The intake worker: takes in jobs one by one, so a hostile file can only kill this process."""

import argparse
import gc
import os
import sys
from pathlib import Path

import setproctitle

from daemon.clock import SystemClock
from daemon.core.messages import Alive, IntakeProgress, Noted, Ready, Stop, TakeIn, TakenIn
from daemon.dedup.family_index import JobFamilies
from daemon.dedup.suites import Suites
from daemon.errors import ExitCode, is_disk_full
from daemon.folders.queue import readings
from daemon.folders.queue.queue import read_context
from daemon.intake.memory import ENFORCED, UNENFORCED, at_most
from daemon.intake.taking import Taking
from daemon.layout import Layout
from daemon.pipes import Pipe
from daemon.text.encoder import TextEncoder

SPEAK_S = 0.25
"""Seconds between two signs of life."""


class StopRequested(Exception):
    """The supervisor is gone or says stop: the job in hand is begun anew another time."""


class IntakeWorker:
    """The worker's state between jobs: the tokenizer, suites and families it has loaded."""

    def __init__(self, layout: Layout, pipe: Pipe) -> None:
        self._layout = layout
        self._pipe = pipe
        self._clock = SystemClock()
        self._encoder: tuple[Path, TextEncoder] | None = None
        self._suites = Suites(layout.evals)
        self._families = JobFamilies(layout, merge=True, clock=self._clock)
        self._spoke_s = 0.0
        self._in_between = False
        self._reading: str | None = None
        """The job that this worker has noted as being read."""

    def take_in(self, job: str) -> None:
        """Do one job; its report is durable when this returns."""
        place = self._layout.job("incoming", job)
        base = read_context(place).base_name
        taking = Taking(
            self._layout,
            place,
            self._tokenizer(self._layout.base(base)),
            self._suites,
            self._families,
            self._clock,
            lambda rows: self._look_up(job, rows),
            notice=self._tell,
        )
        with at_most(taking.settings.intake.max_memory_bytes):
            taking.take_in()
        self._reading = None
        self._pipe.send(TakenIn(job))

    def _tell(self, doing: str) -> None:
        """Say what takes long, between two batches of earlier rows."""
        now_s = self._clock.monotonic_s()
        if now_s - self._spoke_s >= SPEAK_S:
            self._spoke_s = now_s
            self._pipe.send(Alive(doing))
        if self._pipe.closed:
            raise StopRequested

    def _look_up(self, job: str, rows: int) -> None:
        """Before a job and between its batches: say so, and take in what cannot wait so long."""
        if self._reading != job:
            # Not earlier: what is made ready from other jobs may take long, and is not its fault.
            self._begin_reading(job)
        now_s = self._clock.monotonic_s()
        if now_s - self._spoke_s >= SPEAK_S:
            self._spoke_s = now_s
            self._pipe.send(IntakeProgress(job, rows))
        if self._in_between:
            return
        order = self._pipe.poll()
        if isinstance(order, Stop) or self._pipe.closed:
            raise StopRequested
        if isinstance(order, TakeIn):
            self._take_in_between(order.job, job)

    def _take_in_between(self, job: str, held: str) -> None:
        """Take a job in and go on with the one in hand, which is not to blame for it meanwhile."""
        self._in_between = True
        readings.leave(self._layout.job("incoming", held))
        self.take_in(job)
        self._begin_reading(held)
        self._in_between = False

    def _begin_reading(self, job: str) -> None:
        readings.begin(self._layout.job("incoming", job))
        self._reading = job

    def _tokenizer(self, folder: Path) -> TextEncoder:
        if self._encoder is None or self._encoder[0] != folder:
            self._encoder = (folder, TextEncoder.load(folder))
        return self._encoder[1]


def main() -> int:
    """Serve until the supervisor is gone or says stop."""
    pipe = Pipe.take_over()
    parser = argparse.ArgumentParser(prog="python -m daemon.intake")
    parser.add_argument("--root", type=Path, required=True)
    layout = Layout(parser.parse_args().root)
    setproctitle.setproctitle(f"finetuned intake {layout.root}")
    # Rows are parsed by the thousand and hold no cycles: looking for some took a fifth of the time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    pipe.send(Ready(pid=os.getpid(), device="cpu", libraries={}))
    if not ENFORCED:
        pipe.send(Noted("no_memory_limit", UNENFORCED))
    worker = IntakeWorker(layout, pipe)
    try:
        for order in pipe.orders():
            if isinstance(order, Stop):
                break
            if isinstance(order, TakeIn):
                worker.take_in(order.job)
    except StopRequested:
        pass
    except OSError as error:
        if not is_disk_full(error):
            raise
        # The job is begun anew when there is room; the file is not to blame.
        sys.stderr.write(f"{error}\n")
        return ExitCode.DISK_FULL
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
