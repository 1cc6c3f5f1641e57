"""`inbox/`: which files have come to rest, and which are no work; reads no more than their ends."""

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.clock import Clock
from daemon.core.decisions.snapshot import Drop
from daemon.core.workspace.jobs import Priority
from daemon.folders.disk import atomic
from daemon.folders.disk.endings import is_whole
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings_files import InboxSettings

FOLDERS: dict[Priority, str] = {"high": "high", "normal": "", "low": "low"}
OURS = {name.lower(): name for name in ("high", "low", "README.md")}
"""What the daemon has in the inbox itself."""
TEMP_ENDINGS = ("~", ".swp", ".part", ".crdownload", ".tmp", ".icloud", ".download")
HOLDOUT = ".valid.jsonl"
OWN_SETTINGS = ".settings.toml"
LARGEST_SETTINGS = 64 * 1024
OPENED_A_LOOK = 256
"""Files whose ends are read in one look."""

NO_WORK = (
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.EINVAL,
    errno.ELOOP,
    errno.EBUSY,
    errno.EAGAIN,
    errno.EDEADLK,
)
"""What a claim may meet because the user or a cloud service was quicker."""


@dataclass(frozen=True)
class Leftover:
    """Something in the inbox that is no work; it stays where it is."""

    name: str
    path: str
    inode: int
    reason: str


@dataclass(frozen=True)
class InboxView:
    """One look at the inbox."""

    drops: tuple[Drop, ...]
    settling: int
    leftovers: tuple[Leftover, ...]
    problem: str | None = None
    """Why the inbox cannot be read; None where it can."""


@dataclass(frozen=True)
class _Seen:
    identity: tuple[int, int, int]
    since_s: float


class Inbox:
    """Watches files come to rest, by a monotonic clock."""

    def __init__(self, layout: Layout, settings: InboxSettings, clock: Clock) -> None:
        self._layout = layout
        self._settings = settings
        self._clock = clock
        # By paths as text: with thousands of files the objects would take most of a look.
        self._seen: dict[str, _Seen] = {}
        self._refused: dict[str, tuple[tuple[int, int, int], float, str]] = {}
        self._whole: dict[str, tuple[tuple[int, int, int], bool]] = {}
        self._problem_now: str | None = None

    def make_folders(self) -> None:
        """Make the inbox and its priority folders where they are missing."""
        for part in FOLDERS.values():
            atomic.make_directory(self._layout.inbox / part)

    def look(self) -> InboxView:
        """Read the folders and return what has settled, oldest file first."""
        now_s = self._clock.monotonic_s()
        ready: list[tuple[int, str, Drop]] = []
        leftovers: list[Leftover] = []
        seen: dict[str, _Seen] = {}
        settling = 0
        self._problem_now = None
        for priority, part in FOLDERS.items():
            entries = self._entries(self._layout.inbox / part, top=part == "")
            calm = self._is_quiet(entries, seen, now_s)
            for path, found in entries.items():
                reason = self._no_work(path, found, entries, seen, now_s)
                if reason is not None:
                    name = os.path.basename(path)
                    leftovers.append(Leftover(name, path, found.st_ino, reason))
                elif not _is_main(path):
                    continue
                elif path in calm and all(mate in calm for mate in _mates(path, entries)):
                    drop = Drop(os.path.basename(path), priority, found.st_size)
                    ready.append((found.st_mtime_ns, path, drop))
                else:
                    settling += 1
        self._seen = seen
        self._refused = {path: known for path, known in self._refused.items() if path in seen}
        ready.sort(key=lambda item: (item[0], item[2].name))
        whole = self._whole_ones([path for _, path, _ in ready], now_s)
        drops = tuple(drop for _, path, drop in ready if path in whole)
        settling += len(ready) - len(drops)
        return InboxView(drops, settling, tuple(leftovers), self._problem_now)

    def lies_there(self, leftover: Leftover) -> bool:
        """Return whether that very file lay in the inbox at the last look."""
        seen = self._seen.get(leftover.path)
        return seen is not None and seen.identity[0] == leftover.inode

    def _whole_ones(self, paths: list[str], now_s: float) -> set[str]:
        """Return the files that end with a whole line, or have lain still for long all the same."""
        known, opened = self._whole, 0
        self._whole = {}
        found = set()
        for path in paths:
            identity, since_s = self._seen[path].identity, self._seen[path].since_s
            whole = known.get(path)
            if whole is None or whole[0] != identity:
                if opened == OPENED_A_LOOK:
                    # Thousands at once: the others have their turn at the next looks.
                    continue
                opened += 1
                whole = identity, is_whole(Path(path))
            self._whole[path] = whole
            if whole[1] or now_s - since_s >= self._settings.unfinished_s:
                found.add(path)
        return found

    def _entries(self, folder: Path, top: bool) -> dict[str, os.stat_result]:
        found: dict[str, os.stat_result] = {}
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError as error:
            # The folders of the other priorities need not be there.
            if top:
                self._cannot_read(folder, error)
            return found
        except OSError as error:
            self._cannot_read(folder, error)
            return found
        for entry in entries:
            if (top and _is_ours(entry)) or _is_temporary(entry.name):
                continue
            try:
                found[entry.path] = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
        return found

    def _cannot_read(self, folder: Path, error: OSError) -> None:
        why = error.strerror or str(error)
        self._problem_now = f"{folder} cannot be read ({why}): make it a readable folder again"

    def _is_quiet(
        self, entries: dict[str, os.stat_result], seen: dict[str, _Seen], now_s: float
    ) -> set[str]:
        calm = set()
        for path, found in entries.items():
            identity = (found.st_ino, found.st_size, found.st_mtime_ns)
            before = self._seen.get(path)
            if before is None or before.identity != identity:
                before = _Seen(identity, now_s)
            seen[path] = before
            if now_s - before.since_s >= self._settings.settle_s:
                calm.add(path)
        return calm

    def _no_work(
        self,
        path: str,
        found: os.stat_result,
        entries: dict[str, os.stat_result],
        seen: dict[str, _Seen],
        now_s: float,
    ) -> str | None:
        if not stat.S_ISREG(found.st_mode):
            meant = _priority_meant(path, self._layout.inbox) if stat.S_ISDIR(found.st_mode) else ""
            return f"not a regular file: only files are taken, never links, folders or pipes{meant}"
        if path.endswith((HOLDOUT, OWN_SETTINGS)):
            return None if _main_of(path) in entries else self._orphaned_sidecars(path, seen, now_s)
        if not path.endswith(".jsonl"):
            return "only files that end in .jsonl are taken; 'finetuned submit' converts others"
        refused = self._refused.get(path)
        if refused is not None and refused[0] == seen[path].identity and now_s < refused[1]:
            return refused[2]
        if os.access(path, os.R_OK):
            return None
        before = seen[path]
        if now_s - before.since_s < self._settings.claim_retry_s:
            return None
        return "cannot be read: change its permissions"

    def _orphaned_sidecars(self, path: str, seen: dict[str, _Seen], now_s: float) -> str | None:
        if now_s - seen[path].since_s < max(5.0, self._settings.settle_s):
            return None
        return f"waits for {os.path.basename(_main_of(path))}, to which it belongs"

    def claim(self, drop: Drop, place: JobLayout) -> None:
        """Move a settled file and its companions into a job directory, the main file last.

        Raises:
            FileNotFoundError: the file has gone since.
            PermissionError: it cannot be read; nothing was moved.
            OSError: EXDEV where the inbox lies on another volume; nothing was moved.
        """
        path = self._layout.inbox / FOLDERS[drop.priority] / drop.name
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, f"{drop.name} is no longer a regular file")
        finally:
            os.close(descriptor)
        for mate, target in (
            (_mate(path, HOLDOUT), place.holdout_original),
            (_mate(path, OWN_SETTINGS), place.own_settings),
        ):
            if _is_file(mate):
                atomic.move(mate, target)
        atomic.move(path, place.original)

    def files(self, drop: Drop) -> dict[str, tuple[Path, tuple[int, int, int]]]:
        """Return a drop's files and as what they settled, by their names in a job; main last."""
        path = self._layout.inbox / FOLDERS[drop.priority] / drop.name
        job = JobLayout(Path())
        pairs = (
            (job.holdout_original, _mate(path, HOLDOUT)),
            (job.own_settings, _mate(path, OWN_SETTINGS)),
            (job.original, path),
        )
        return {
            target.name: (source, self._seen[str(source)].identity)
            for target, source in pairs
            if str(source) in self._seen and (source == path or _is_file(source))
        }

    def not_claimed(self, drop: Drop, error: OSError) -> None:
        """Leave alone for a while what could not be claimed; one that has gone is none.

        Raises:
            OSError: the error itself, where it is trouble of the disk and not of the file.
        """
        if error.errno not in NO_WORK:
            raise error
        if error.errno != errno.ENOENT:
            self.refuse(drop, f"cannot be taken: {_say(error)}")

    def refuse(self, drop: Drop, reason: str) -> None:
        """Leave a file that could not be claimed alone for a while; once changed, it is tried."""
        path = str(self._layout.inbox / FOLDERS[drop.priority] / drop.name)
        if path in self._seen:
            until_s = self._clock.monotonic_s() + max(1.0, self._settings.claim_retry_s)
            self._refused[path] = (self._seen[path].identity, until_s, reason)

    def size_of(self, name: str, priority: Priority) -> int | None:
        """Return the size of a file that lies in the inbox, in bytes; None where none does."""
        try:
            return (self._layout.inbox / FOLDERS[priority] / name).lstat().st_size
        except FileNotFoundError:
            return None

    def own_settings(self, drop: Drop) -> str:
        """Return the text of a file's `.settings.toml` companion, empty where there is none.

        Raises:
            OSError: it cannot be read.
        """
        path = _mate(self._layout.inbox / FOLDERS[drop.priority] / drop.name, OWN_SETTINGS)
        if not _is_file(path):
            return ""
        # A pipe in its place would wait for a writer for ever, a link lead anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LARGEST_SETTINGS).decode("utf-8", "replace")

    def put_back(self, place: JobLayout, name: str, priority: Priority) -> None:
        """Move a claimed file and its companions back, under a free name if its own is taken."""
        folder = self._layout.inbox / FOLDERS[priority]
        target = folder / name
        number = 1
        while os.path.lexists(target):
            target = folder / f"{name.removesuffix('.jsonl')}-{number}.jsonl"
            number += 1
        pairs = (
            (place.holdout_original, _mate(target, HOLDOUT)),
            (place.own_settings, _mate(target, OWN_SETTINGS)),
            (place.original, target),
        )
        for source, goal in pairs:
            if source.exists() and not os.path.lexists(goal):
                atomic.move(source, goal)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry of the inbox is a priority's folder, or its page.

    Volumes that do not tell case apart list them in whatever case they were first made.
    """
    own = OURS.get(entry.name.lower())
    if own is None or entry.name == own:
        return own is not None
    with suppress(OSError):
        return os.path.samefile(entry.path, os.path.join(os.path.dirname(entry.path), own))
    return False


def _priority_meant(path: str, inbox: Path) -> str:
    """Name the folder that was meant, where one has its name but for the case."""
    folder, name = os.path.split(path)
    own = OURS.get(name.lower()) if folder == str(inbox) else None
    return f"; files that are to be taken with this priority go into {own}/" if own else ""


def _is_temporary(name: str) -> bool:
    return name.startswith(".") or name.endswith(TEMP_ENDINGS)


def _is_file(path: Path) -> bool:
    """Say whether a regular file lies there; a name too long for the volume names none."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _say(error: OSError) -> str:
    if error.errno == errno.EDEADLK:
        return "its bytes are not on this machine; download it first"
    return error.strerror or str(error)


def _is_main(path: str) -> bool:
    return path.endswith(".jsonl") and not path.endswith(HOLDOUT)


def _mate(path: Path, ending: str) -> Path:
    return path.with_name(path.name.removesuffix(".jsonl") + ending)


def _mates(path: str, entries: dict[str, os.stat_result]) -> list[str]:
    stem = path.removesuffix(".jsonl")
    return [mate for mate in (stem + HOLDOUT, stem + OWN_SETTINGS) if mate in entries]


def _main_of(path: str) -> str:
    return path.removesuffix(HOLDOUT if path.endswith(HOLDOUT) else OWN_SETTINGS) + ".jsonl"
