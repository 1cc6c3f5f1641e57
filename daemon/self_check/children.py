"""Runs the checks in child processes and reports why one of them died. Does not import MLX."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.core.decisions.deaths import Cause, Ending, classify
from daemon.core.records import from_json_value
from daemon.self_check.finding import CheckRow

MOST_S = 300.0
LATE = "it was not finished after five minutes"
NOT_BEGUN_LATE = "the five minutes were over before it could start"
NOT_BEGUN = "the process that should check it did not start again"
DIES_OF_MEMORY = "out of memory"
"""The check that passes if its process runs out of memory and dies."""


@dataclass(frozen=True)
class CheckOptions:
    """Which checks to run, and on what."""

    quick: bool = False
    breaking: bool = False
    base: str | None = None
    """A directory, or the embedded model's name."""
    only: tuple[str, ...] = ()
    """Checks by name; empty for all."""


def check(
    wanted: CheckOptions,
    most_s: float = MOST_S,
    hide: Sequence[Path] = (),
    program: Sequence[str] = ("-m", "daemon.self_check"),
) -> Iterator[CheckRow]:
    """Yield the findings as they come, without the paths to `hide`, all in `most_s` seconds."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + most_s
    with tempfile.TemporaryDirectory(prefix="finetuned-check-") as name:
        folder = Path(name).resolve()
        hidden = _hiding((folder, *hide))
        done: list[str] = []
        planned: tuple[str, ...] = ()
        ended = False
        while not ended:
            child = _Child(wanted, folder, done, program, until_s - clock.monotonic_s())
            for finding in child.findings():
                done.append(finding.check)
                yield replace(finding, found=hidden(finding.found))
            planned = planned or child.planned
            ended = child.done or child.late or not child.began_any
            if (last := child.last()) is not None:
                done.append(last.check)
                yield replace(last, found=hidden(last.found))
        why = NOT_BEGUN_LATE if child.late else NOT_BEGUN
        for name in planned:
            if name not in done:
                yield CheckRow(name, "left out", why, 0.0)


class _Child:
    """One process and the findings it wrote before it ended."""

    def __init__(
        self,
        wanted: CheckOptions,
        folder: Path,
        done: Sequence[str],
        program: Sequence[str],
        left_s: float,
    ) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        options = [
            *(["--quick"] if wanted.quick else []),
            *(["--break"] if wanted.breaking else []),
            *(["--base", wanted.base] if wanted.base else []),
            *(["--only", *wanted.only] if wanted.only else []),
            "--done",
            *done,
        ]
        # A fresh folder for each process: the one before may have died while writing.
        own = folder / f"process-{len(done)}"
        own.mkdir()
        argv = [sys.executable, "-P", *program, str(own), *options]
        self._process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=self._errors, start_new_session=True
        )
        self._timer = threading.Timer(max(0.1, left_s), self._end)
        self._clock = SystemClock()
        self._begun_s = self._clock.monotonic_s()
        self._words = ""
        self.begun: str | None = None
        """The current check."""
        self.began_any = False
        self.planned: tuple[str, ...] = ()
        """The checks it was going to run; empty if it did not get that far."""
        self.late = False

    def _end(self) -> None:
        self.late = True
        self._kill()

    def _kill(self) -> None:
        # The whole group: a check may have started a daemon.
        # Only while it runs: once it was waited for, its pid may belong to another process.
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def done(self) -> bool:
        """Whether the process ended normally."""
        return self._process.returncode == 0

    def findings(self) -> Iterator[CheckRow]:
        """Yield its findings until it ends."""
        assert self._process.stdout is not None
        self._timer.start()
        try:
            for line in self._process.stdout:
                record: dict[str, Any] = json.loads(line)
                self.begun, self._begun_s = record.get("begun"), self._clock.monotonic_s()
                self.began_any |= self.begun is not None
                self.planned = tuple(record.get("planned", self.planned))
                if "finding" in record:
                    yield from_json_value(record["finding"], CheckRow)
            self._process.wait()
        finally:
            self._timer.cancel()
            # A caller that stops reading wants no further checks.
            self._kill()
            self._process.wait()
            self._process.stdout.close()
            with self._errors as file:
                file.seek(0)
                self._words = file.read().decode(errors="replace")

    def last(self) -> CheckRow | None:
        """Return the finding for the check during which the process ended; None if none did."""
        if self.done:
            return None
        seconds = self._clock.monotonic_s() - self._begun_s
        name = self.begun or "the process"
        if self.late:
            return CheckRow(name, "left out", LATE, seconds)
        ending = Ending(self._process.returncode, self._words, address_limit=True)
        return _of_death(name, ending, seconds)


def _of_death(name: str, ending: Ending, seconds: float) -> CheckRow:
    breaking = name == DIES_OF_MEMORY
    # Only that check limits its address space, which makes a segfault a sign of memory.
    cause = classify(ending if breaking else replace(ending, address_limit=False))
    if breaking and cause.kind == "memory":
        return CheckRow(name, "ok", f"the process ran out of memory: {cause.sign}", seconds)
    return CheckRow(name, "wrong", _how(ending, cause), seconds)


def _how(ending: Ending, cause: Cause) -> str:
    lines = ending.stderr.strip().splitlines()
    how = f"signal {-ending.status}" if ending.status < 0 else f"status {ending.status}"
    words = f"its process died ({how}), taken for: {cause.kind}"
    return f"{words} ({cause.sign or (lines[-1] if lines else 'no output')})"


def _hiding(paths: Sequence[Path]) -> Callable[[str], str]:
    """Return a function that removes paths from a sentence: the table may be pasted in public."""
    known = sorted({str(path) for path in (*paths, Path.home())} - {"/"}, key=len, reverse=True)

    def hide(text: str) -> str:
        for path in known:
            text = text.replace(path, "…")
        return text

    return hide
