"""A real workspace with a real daemon, for tests: drop, wait with a deadline, kill, look."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from daemon.folders import suites
from daemon.layout import Layout

PATIENCE_S = 90.0

BARE = {"run": "[run]\nloss_curve = false\n", "intake": "[intake]\npictures = false\n"}
"""No pictures, unless a test has settings of its own in the same table."""


class Workspace:
    """One daemon over one temporary directory; always ended with the test."""

    def __init__(
        self, root: Path, *, settings: str = "", rehearse: bool = True, whole: bool = False
    ) -> None:
        """With `whole`, pictures are drawn and the suites that ship count, as for any user.

        They take half of the time of a short life.
        """
        self.layout = Layout(root)
        self.root = root
        self.command: Sequence[str] = (sys.executable, "-m", "daemon")
        """How the daemon is started; a test may put a tracer before it."""
        self._rehearse = rehearse
        self._process: subprocess.Popen[bytes] | None = None
        self._orphans: list[psutil.Process] = []
        root.mkdir(parents=True, exist_ok=True)
        self.layout.inbox.mkdir(exist_ok=True)
        (root / "control").mkdir(exist_ok=True)
        chosen = settings or "[inbox]\nsettle_s = 0.1\n[checkpoint]\nsteps = 3\n"
        if not whole:
            chosen += "".join(text for table, text in BARE.items() if f"[{table}]" not in chosen)
            self.layout.evals.mkdir(exist_ok=True)
            for suite in suites.paths(self.layout.evals):
                # An empty one of its name stands for it.
                (self.layout.evals / suite.name).touch()
        self.layout.settings_file.write_text(chosen)

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    # --- the daemon ---------------------------------------------------------------------------

    def start(self, *extra: str) -> None:
        argv = [*self.command, "run", "--root", str(self.root), *extra]
        if self._rehearse:
            argv.append("--rehearse")
        with (self.root / "console.txt").open("ab") as console:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )

    def drain(self) -> int:
        """Run until idle and return the exit status."""
        self.start("--until-idle")
        return self.wait_for_exit()

    def wait_for_exit(self) -> int:
        assert self._process is not None
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the daemon did not end; {self.story()}") from None

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def terminate(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait_for_exit()

    def kill(self) -> None:
        """End the daemon with SIGKILL, and wait until its workers have seen that it is gone."""
        self.kill_at_once()
        self.wait("the workers' ends", lambda: not any(map(lives, self._orphans)))
        self._orphans.clear()

    def kill_at_once(self) -> None:
        """End the daemon with SIGKILL; its workers may live a moment longer."""
        if self._process is None:
            return
        self._orphans += self.workers()
        self._process.kill()
        self._process.wait()
        self._process = None

    def workers(self) -> list[psutil.Process]:
        assert self._process is not None
        try:
            found: list[psutil.Process] = psutil.Process(self._process.pid).children()
            return found
        except psutil.Error:
            return []

    def kill_trainer(self) -> None:
        for worker in self.trainers():
            os.kill(worker.pid, signal.SIGKILL)

    def abort_trainer(self, last_words: str) -> None:
        """Let the trainer abort as a library does that cannot go on: a line on stderr, SIGABRT."""
        for worker in self.trainers():
            Path(f"/proc/{worker.pid}/fd/2").write_text(f"{last_words}\n")
            os.kill(worker.pid, signal.SIGABRT)

    def trainers(self) -> list[psutil.Process]:
        """Return the trainers that live: one, or none."""
        return [
            worker
            for worker in self.workers()
            if "daemon.training" in worker.cmdline() or "trainer" in worker.name()
        ]

    # --- what a user does ---------------------------------------------------------------------

    def drop(self, name: str, rows: list[dict[str, Any]] | list[str] | bytes) -> None:
        """Put a file into the inbox by one rename."""
        data = rows if isinstance(rows, bytes) else "".join(f"{_line(r)}\n" for r in rows).encode()
        hidden = self.layout.inbox / f".{name.replace('/', '-')}.tmp"
        hidden.write_bytes(data)
        hidden.rename(self.layout.inbox / name)

    def touch(self, word: str, content: str = "") -> None:
        (self.layout.control / word).write_text(content and content + "\n")

    # --- what a user sees ---------------------------------------------------------------------

    def wait(self, what: str, seen: Callable[[], Any], more_s: float = 0.0) -> Any:
        """Poll until something true is seen; fail with the daemon's own story."""
        until = time.monotonic() + PATIENCE_S + more_s
        while time.monotonic() < until:
            found = seen()
            if found:
                return found
            if self._process is not None and self._process.poll() is not None:
                found = seen()
                if found:
                    return found
                break
            threading.Event().wait(0.02)
        raise AssertionError(f"not seen: {what}; {self.story()}")

    def wait_for_number(self, event: str, number: int) -> None:
        """Wait until an event was told so many times."""
        self.wait(f"{number} x {event}", lambda: len(self.told(event)) >= number)

    def story(self) -> str:
        lines = [f"{e['event']}: {e['message']}" for e in self.events()][-25:]
        console = (self.root / "console.txt").read_text()[-1500:]
        return "\n".join(["the daemon told:", *lines, "console:", console])

    def status(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.layout.status_file.read_bytes())
            return found
        except FileNotFoundError:
            return {}

    def events(self) -> list[dict[str, Any]]:
        return _lines(self.layout.events_file)

    def told(self, event: str, **facts: Any) -> list[dict[str, Any]]:
        return [
            e
            for e in self.events()
            if e["event"] == event and all(e.get(k) == v for k, v in facts.items())
        ]

    def metrics(self) -> list[dict[str, Any]]:
        return _lines(self.layout.metrics_file)

    def jobs(self, state: str) -> list[str]:
        folder = self.layout.queue / state
        return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []

    def job(self, state: str, place: int = 0) -> dict[str, Any]:
        path = self.layout.job(state, self.jobs(state)[place]).job_file
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def report(self, state: str, place: int = 0) -> dict[str, Any]:
        path = self.layout.job(state, self.jobs(state)[place]).report
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def current(self) -> str:
        return os.readlink(self.layout.current_model).split("/")[-1]

    def manifest(self, version: str) -> dict[str, Any]:
        path = self.layout.version(version) / "manifest.json"
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found

    def digest(self, version: str, file: str = "adapters.safetensors") -> str:
        return hashlib.sha256((self.layout.version(version) / file).read_bytes()).hexdigest()


def chats(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Rows whose prompts all differ."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"What follows the number {n}?"},
                {"role": "assistant", "content": f"After {n} comes {n + 1}."},
            ]
        }
        for n in range(start, start + count)
    ]


def lives(process: psutil.Process) -> bool:
    """Return whether a process runs; the system may take seconds to bury one that has ended."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _line(row: dict[str, Any] | str) -> str:
    return row if isinstance(row, str) else json.dumps(row)


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = data[: data.rfind(b"\n") + 1]
    return [record for line in whole.splitlines() if (record := _record(line)) is not None]


def _record(line: bytes) -> dict[str, Any] | None:
    """Return a line's record; None for one that a power cut has torn."""
    try:
        record: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return record
