"""`control/`: what the user asks for by touching files; decides nothing.

A request is accepted by one rename into `control/.accepted/`: that journals it and consumes it at
once, so a crash leaves it either untouched or accepted, and an accepted one is carried out.
"""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.clock import Clock
from daemon.core.commands import PRECEDENCE, STALE_AT_START, TAKES_CONTENT, Command
from daemon.folders import atomic
from daemon.layout import Layout

LARGEST = 2**20
WRITTEN_AFTER_S = 1.0
"""A file that takes content and does not end in a newline is read after so long unchanged."""


@dataclass(frozen=True)
class View:
    """One look at the folder."""

    paused: bool
    commands: tuple[Command, ...]


class Control:
    """The requests of one workspace."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self._at_start: frozenset[int] = frozenset()
        self._stuck: dict[int, Command | None] = {}
        self._first_seen: dict[tuple[str, int, int], float] = {}

    def make_folders(self) -> None:
        """Make the folders and remember what lay there before this start."""
        atomic.make_directory(self._layout.accepted_commands)
        atomic.purge_leftovers(self._layout.control)
        self._at_start = frozenset(entry.inode() for entry in self._files())

    def _files(self) -> list[os.DirEntry[str]]:
        try:
            entries = list(os.scandir(self._layout.control))
        except FileNotFoundError:
            return []
        return [e for e in entries if e.name != "README.md" and not e.name.startswith(".")]

    def look(self) -> View:
        """Accept what is written completely; return the pause state and all accepted requests."""
        paused = False
        for entry in self._files():
            if entry.name == "pause":
                paused = True
            elif entry.inode() not in self._stuck and self._complete(entry):
                self._accept(entry)
        stuck = (command for command in self._stuck.values() if command is not None)
        return View(paused, (*self._accepted(), *stuck))

    def _complete(self, entry: os.DirEntry[str]) -> bool:
        """Say whether a file that takes content has been written to its end (rule R37)."""
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

    def _accept(self, entry: os.DirEntry[str]) -> None:
        try:
            found = entry.stat(follow_symlinks=False)
            old = "old" if found.st_ino in self._at_start else "new"
            token = f"{found.st_ino}-{old}-{entry.name}"
            target = self._layout.accepted_commands / token
            if os.path.lexists(target):
                atomic.remove_directory(target) if target.is_dir() else atomic.remove_file(target)
            atomic.move(Path(entry.path), target)
        except FileNotFoundError:
            return
        except OSError:
            # It cannot be moved away: acted on once, remembered by its inode, not looped over.
            with suppress(OSError):
                command = self._command(Path(entry.path), f"{entry.inode()}-new-{entry.name}")
                self._stuck.setdefault(entry.inode(), command)

    def _accepted(self) -> list[Command]:
        found = []
        for entry in os.scandir(self._layout.accepted_commands):
            if entry.name.startswith("."):
                continue
            with suppress(FileNotFoundError):
                found.append(self._command(Path(entry.path), entry.name))
        return found

    def _command(self, path: Path, token: str) -> Command:
        inode, age, word = token.split("-", 2)
        regular = stat.S_ISREG(path.lstat().st_mode)
        return Command(
            token=token,
            word=word,
            content=_content(path) if regular and word in TAKES_CONTENT else "",
            created_ns=path.lstat().st_mtime_ns,
            inode=int(inode),
            from_before=age == "old" and word in STALE_AT_START,
        )

    def expire(self) -> list[Command]:
        """Return what another daemon accepted about its own moment; it is stale now."""
        return [c for c in self._accepted() if c.word in STALE_AT_START - {"skip"}]

    def answered(self, command: Command) -> None:
        """Forget a request that has its answer."""
        path = self._layout.accepted_commands / command.token
        if path.is_dir() and not path.is_symlink():
            atomic.remove_directory(path)
        else:
            atomic.remove_file(path)
        if command.inode in self._stuck:
            self._stuck[command.inode] = None

    def end_pause(self, not_after_ns: int) -> bool:
        """Remove `pause` unless it is newer than the `resume`; say whether none is left."""
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


def write_request(layout: Layout, word: str, content: str = "") -> int:
    """Put a request into `control/` as a user would, whole at once; return its inode.

    Raises:
        OSError: the folder cannot be written.
    """
    assert word in PRECEDENCE
    # The inode is taken before the rename: the daemon may have taken the file right after it.
    with atomic.replacing(layout.control / word) as temporary:
        temporary.write_bytes(content.encode() + b"\n")
        return temporary.lstat().st_ino


def _content(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LARGEST).decode("utf-8", "replace")
