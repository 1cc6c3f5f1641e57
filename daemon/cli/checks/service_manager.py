"""launchd and systemd: which file each reads, and the commands that load and unload it.

The content of the file comes from `core/`; `folders/` writes it.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from daemon.clock import SystemClock
from daemon.core.service import launchd, systemd
from daemon.core.service.service import STOP_S, Service

ANSWER_S = STOP_S + 30.0
"""Longest wait for a manager: it may wait for the daemon to stop and to start."""

POLL_S = 0.2
LONGEST_WORDS = 300
NO_SUCH_AGENT = 113
"""launchctl's exit status for an unknown service."""


@dataclass(frozen=True)
class CommandResult:
    """The result of a manager's command: its exit status, None if it could not be run."""

    status: int | None
    text: str

    @property
    def good(self) -> bool:
        """Whether the command succeeded."""
        return self.status == 0


@dataclass(frozen=True)
class State:
    """The state of a service, and the manager's words for it."""

    loaded: bool | None
    """Whether the manager runs it or will start it at login; None if it cannot be queried."""
    running: bool
    words: str


@dataclass(frozen=True)
class Launchd:
    """macOS: an agent in the user's own session. Untested on hardware."""

    service: str
    home: Path
    uid: int
    name: ClassVar[str] = "launchd"

    @property
    def label(self) -> str:
        """The agent's name among all agents."""
        return f"finetuned.{self.service}"

    @property
    def file(self) -> Path:
        """The file this manager reads about the service."""
        return self.home / "Library" / "LaunchAgents" / f"{self.label}.plist"

    def content(self, service: Service, logs: Path) -> bytes:
        """Return the file's content for a service that may log into `logs`."""
        # launchd never rotates this file: with --quiet only unforeseen output reaches it.
        quiet = Service(service.name, service.root, (*service.argv, "--quiet"))
        return launchd.agent(quiet, self.label, str(logs / "service.log"))

    def command_in(self, data: bytes) -> tuple[str, ...] | None:
        """Return the command in a file; None if it cannot be parsed."""
        return launchd.command_of(data)

    def start_commands(self) -> list[list[str]]:
        """Return the commands that load the file and start the daemon."""
        return [
            ["launchctl", "enable", self._target],
            ["launchctl", "bootstrap", self._domain, str(self.file)],
        ]

    def stop_commands(self) -> list[list[str]]:
        """Return the commands that stop the daemon for good, before the file is removed."""
        return [["launchctl", "bootout", self._target]]

    def after_removal(self) -> list[list[str]]:
        """Return the commands to run once the file is removed."""
        return []

    def state(self) -> State:
        """Query the state of the service."""
        result = run_command(["launchctl", "print", self._target])
        if result.good:
            pid = re.search(r"^\s*pid = (\d+)$", result.text, re.MULTILINE)
            words = f"running as process {pid.group(1)}" if pid else "not running"
            return State(True, pid is not None, words)
        if result.status == NO_SUCH_AGENT:
            return State(False, False, "")
        return State(None, False, result.text)

    @property
    def _domain(self) -> str:
        return f"gui/{self.uid}"

    @property
    def _target(self) -> str:
        return f"{self._domain}/{self.label}"


@dataclass(frozen=True)
class Systemd:
    """Linux: a unit of the user's own manager."""

    service: str
    config: Path
    name: ClassVar[str] = "systemd"

    @property
    def unit(self) -> str:
        """The unit's name among all units."""
        return f"finetuned-{self.service}.service"

    @property
    def file(self) -> Path:
        """The file this manager reads about the service."""
        return self.config / "systemd" / "user" / self.unit

    def content(self, service: Service, logs: Path) -> bytes:
        """Return the file's content for a service that may log into `logs`."""
        # The daemon's console goes to the journal, which is rotated.
        return systemd.unit(service)

    def command_in(self, data: bytes) -> tuple[str, ...] | None:
        """Return the command in a file; None if it cannot be parsed."""
        return systemd.command_of(data)

    def start_commands(self) -> list[list[str]]:
        """Return the commands that load the file and start the daemon."""
        return [self._ctl("daemon-reload"), self._ctl("enable", "--now", self.unit)]

    def stop_commands(self) -> list[list[str]]:
        """Return the commands that stop the daemon for good, before the file is removed."""
        return [self._ctl("disable", "--now", self.unit)]

    def after_removal(self) -> list[list[str]]:
        """Return the commands to run once the file is removed."""
        return [self._ctl("daemon-reload")]

    def state(self) -> State:
        """Query the state of the service."""
        keys = ("UnitFileState", "ActiveState", "Result", "StatusText")
        result = run_command(self._ctl("show", self.unit, f"--property={','.join(keys)}"))
        if not result.good:
            return State(None, False, result.text)
        properties = dict(line.split("=", 1) for line in result.text.splitlines() if "=" in line)
        running = properties.get("ActiveState", "") not in ("", "inactive", "failed")
        loaded = running or properties.get("UnitFileState", "").startswith("enabled")
        if properties.get("Result") == "success":
            properties["Result"] = ""
        return State(
            loaded, running, ", ".join(properties[key] for key in keys if properties.get(key))
        )

    def _ctl(self, *words: str) -> list[str]:
        return ["systemctl", "--user", *words]


Manager = Launchd | Systemd


def run_command(argv: list[str]) -> CommandResult:
    """Run one command of a manager, without a shell."""
    if shutil.which(argv[0]) is None:
        return CommandResult(None, f"there is no {argv[0]} on this machine")
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return CommandResult(None, f"{argv[0]} gave no answer within {ANSWER_S:.0f} s")
    except OSError as error:
        return CommandResult(None, f"{argv[0]} cannot be run: {error.strerror}")
    if done.returncode == 0:
        return CommandResult(0, done.stdout)
    words = " ".join((done.stderr or done.stdout).split())[:LONGEST_WORDS]
    return CommandResult(done.returncode, words or f"{argv[0]} ended with {done.returncode}")


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition; return whether it came true in time."""
    clock = SystemClock()
    until_s = clock.monotonic_s() + ANSWER_S
    while not condition():
        if clock.monotonic_s() >= until_s:
            return False
        clock.sleep_s(POLL_S)
    return True
