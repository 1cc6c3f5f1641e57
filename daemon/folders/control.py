"""`control/`: the user's requests, made by touching files.

A request is accepted by one rename into `control/.accepted/`, which records and consumes it. A
crash leaves it either untouched or accepted, and an accepted one is carried out.
"""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.clock import Clock
from daemon.core.decisions.commands import (
    PRECEDENCE,
    STALE_AT_START,
    TAKES_CONTENT,
    Command,
    RequestId,
)
from daemon.folders.disk import atomic
from daemon.layout import Layout

Age = Literal["old", "new"]
AGES: tuple[Age, ...] = ("old", "new")
"""Whether a request was there when the daemon started."""

LARGEST = 2**20
WRITTEN_AFTER_S = 1.0
"""A file with content but without a final newline is read after so many unchanged seconds."""


@dataclass(frozen=True)
class ControlRequests:
    """The result of one scan of the folder."""

    paused: bool
    commands: tuple[Command, ...]


class Control:
    """The requests of one workspace."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self._stuck: dict[str, Command | None] = {}
        """Requests that cannot be moved away, by token, while they exist; None once answered."""
        self._first_seen: dict[tuple[str, int, int], float] = {}

    def make_folders(self) -> None:
        """Create the folders, and accept as old the requests that are there at this start.

        None of them is remembered: a file system reuses the inode of a removed file for the next
        one, which would be mistaken for it.
        """
        atomic.make_directory(self._layout.accepted_commands)
        atomic.purge_leftovers(self._layout.control)
        for entry in self._files():
            if entry.name in STALE_AT_START:
                self._accept(entry, "old")

    def _files(self) -> list[os.DirEntry[str]]:
        try:
            entries = list(os.scandir(self._layout.control))
        except FileNotFoundError:
            return []
        return [e for e in entries if e.name != "README.md" and not e.name.startswith(".")]

    def scan(self) -> ControlRequests:
        """Accept complete requests; return the pause state and all accepted requests."""
        entries = self._files()
        self._forget_what_has_gone(entries)
        for entry in entries:
            if entry.name != "pause" and not self._is_stuck(entry) and self._complete(entry):
                self._accept(entry, "new")
        stuck = (command for command in self._stuck.values() if command is not None)
        paused = any(entry.name == "pause" for entry in entries)
        return ControlRequests(paused, (*self._accepted(), *stuck))

    def _forget_what_has_gone(self, entries: list[os.DirEntry[str]]) -> None:
        """Forget files that were removed, or touched again, since."""
        there = {_token(entry, age) for entry in entries for age in AGES} if self._stuck else set()
        self._stuck = {token: known for token, known in self._stuck.items() if token in there}
        names = {entry.name for entry in entries}
        self._first_seen = {k: since for k, since in self._first_seen.items() if k[0] in names}

    def _is_stuck(self, entry: os.DirEntry[str]) -> bool:
        return any(_token(entry, age) in self._stuck for age in AGES)

    def _complete(self, entry: os.DirEntry[str]) -> bool:
        """Return whether a file with content has been written completely (rule R37)."""
        if entry.name not in TAKES_CONTENT:
            return True
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode) or _content(Path(entry.path)).endswith("\n"):
            return True
        key = (entry.name, found.st_ino, found.st_mtime_ns)
        first = self._first_seen.setdefault(key, self._clock.monotonic_s())
        return self._clock.monotonic_s() - first >= WRITTEN_AFTER_S

    def _accept(self, entry: os.DirEntry[str], age: Age) -> None:
        token = _token(entry, age)
        if token is None:
            return
        try:
            target = self._layout.accepted_commands / token
            if os.path.lexists(target):
                atomic.remove_directory(target) if target.is_dir() else atomic.remove_file(target)
            atomic.move(Path(entry.path), target)
        except FileNotFoundError:
            return
        except OSError:
            # It cannot be moved away: it is carried out once, until it is touched again.
            with suppress(OSError):
                self._stuck.setdefault(token, self._command(Path(entry.path), token))

    def _accepted(self) -> list[Command]:
        found = []
        for entry in os.scandir(self._layout.accepted_commands):
            if entry.name.startswith("."):
                continue
            with suppress(FileNotFoundError):
                found.append(self._command(Path(entry.path), entry.name))
        return found

    def _command(self, path: Path, token: str) -> Command:
        known, age, word = token.split("-", 2)
        regular = stat.S_ISREG(path.lstat().st_mode)
        return Command(
            token=token,
            word=word,
            content=_content(path) if regular and word in TAKES_CONTENT else "",
            created_ns=path.lstat().st_mtime_ns,
            # One accepted by an earlier version is named by its inode alone.
            inode=int(known.partition(".")[0]),
            from_before=age == "old" and word in STALE_AT_START,
        )

    def stale(self) -> list[Command]:
        """Return requests about a past moment, accepted by an earlier daemon: they are stale."""
        expired = STALE_AT_START - {"skip"}
        return [c for c in self._accepted() if c.word in expired and not c.from_before]

    def forget(self, command: Command) -> None:
        """Remove a request that was answered."""
        path = self._layout.accepted_commands / command.token
        if path.is_dir() and not path.is_symlink():
            atomic.remove_directory(path)
        else:
            atomic.remove_file(path)
        if command.token in self._stuck:
            self._stuck[command.token] = None

    def end_pause(self, not_after_ns: int) -> bool:
        """Remove `pause` unless it is newer than the `resume`; return whether none is left."""
        path = self._layout.control / "pause"
        try:
            if path.lstat().st_mtime_ns > not_after_ns:
                return False
        except FileNotFoundError:
            return True
        if path.is_dir() and not path.is_symlink():
            atomic.remove_directory(path)
        else:
            atomic.remove_file(path)
        return True


def write_request(layout: Layout, word: str, content: str = "") -> RequestId:
    """Put a request into `control/` atomically, as a user would; return its id.

    Raises:
        OSError: the folder cannot be written.
    """
    assert word in PRECEDENCE
    # Read before the rename: the daemon may take the file right after it.
    with atomic.replacing(layout.control / word) as temporary:
        temporary.write_bytes(content.encode() + b"\n")
        found = temporary.lstat()
        return RequestId(found.st_ino, found.st_mtime_ns)


def _token(entry: os.DirEntry[str], age: Age) -> str | None:
    """Return the id of a request file until it is answered; None if it was removed.

    An inode alone is reused by later files, and touching a file makes a new request.
    """
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return f"{found.st_ino}.{found.st_ctime_ns}-{age}-{entry.name}"


def _content(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LARGEST).decode("utf-8", "replace")
