"""`inbox/`: finds files that have settled and can be claimed, and files that are not work."""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.clock import Clock
from daemon.core.decisions.snapshot import Drop
from daemon.core.workspace import file_names
from daemon.core.workspace.file_names import OWN_SETTINGS, Group
from daemon.core.workspace.jobs import Priority
from daemon.folders.disk import atomic
from daemon.folders.disk.endings import End, end_of
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings_files import InboxSettings

FOLDERS: dict[Priority, str] = {"high": "high", "normal": "", "low": "low"}
OURS = {name.lower(): name for name in ("high", "low", "README.md")}
"""Files of the daemon itself in the inbox."""
TEMP_ENDINGS = ("~", ".swp", ".part", ".crdownload", ".tmp", ".icloud", ".download")
LARGEST_SETTINGS = 64 * 1024
OPENED_A_LOOK = 256
"""Files whose ends are read in one scan."""

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
"""Errors of a claim when the user or a cloud service was quicker."""


@dataclass(frozen=True)
class Leftover:
    """Something in the inbox that is not a training file; it stays where it is."""

    name: str
    path: str
    inode: int
    reason: str


@dataclass(frozen=True)
class InboxView:
    """The result of one scan of the inbox."""

    drops: tuple[Drop, ...]
    settling: int
    leftovers: tuple[Leftover, ...]
    problem: str | None = None
    """Why the inbox cannot be read; None if it can."""


@dataclass(frozen=True)
class _Seen:
    identity: tuple[int, int, int]
    since_s: float


class Inbox:
    """Watches files settle, by a monotonic clock."""

    def __init__(self, layout: Layout, settings: InboxSettings, clock: Clock) -> None:
        self._layout = layout
        self._settings = settings
        self._clock = clock
        # By paths as strings: with thousands of files, Path objects would take most of a scan.
        self._seen: dict[str, _Seen] = {}
        self._refused: dict[str, tuple[tuple[int, int, int], float, str]] = {}
        self._ends: dict[str, tuple[tuple[int, int, int], End]] = {}
        self._grouped: dict[Path, tuple[list[str], dict[str, Group]]] = {}
        self._problem_now: str | None = None

    def make_folders(self) -> None:
        """Create the inbox and its priority folders where they are missing."""
        for part in FOLDERS.values():
            atomic.make_directory(self._layout.inbox / part)

    def scan(self) -> InboxView:
        """Read the folders and return what has settled, oldest file first."""
        now_s = self._clock.monotonic_s()
        ready: list[tuple[int, str, Drop]] = []
        leftovers: list[Leftover] = []
        seen: dict[str, _Seen] = {}
        settling = 0
        self._problem_now = None
        for priority, part in FOLDERS.items():
            folder = self._layout.inbox / part
            entries = self._entries(folder, top=part == "")
            quiet = self._is_quiet(entries, seen, now_s)
            groups = self._groups(folder, entries)
            mates = {mate for group in groups.values() for mate in group.mates}
            for path, found in entries.items():
                name = os.path.basename(path)
                reason = self._no_work(path, found, name in mates, seen, now_s)
                if reason is not None:
                    leftovers.append(Leftover(name, path, found.st_ino, reason))
                elif name not in groups:
                    continue
                elif path in quiet and all(f"{folder}/{m}" in quiet for m in groups[name].mates):
                    drop = Drop(name, priority, found.st_size)
                    ready.append((found.st_mtime_ns, path, drop))
                else:
                    settling += 1
        self._seen = seen
        self._refused = {path: known for path, known in self._refused.items() if path in seen}
        ready.sort(key=lambda item: (item[0], item[2].name))
        whole = self._whole_ones([path for _, path, _ in ready], now_s)
        drops = tuple(
            replace(drop, unpacked=whole[path].unpacked_bytes)
            for _, path, drop in ready
            if path in whole
        )
        settling += len(ready) - len(drops)
        return InboxView(drops, settling, tuple(leftovers), self._problem_now)

    def lies_there(self, leftover: Leftover) -> bool:
        """Return whether that very file was in the inbox at the last scan."""
        seen = self._seen.get(leftover.path)
        return seen is not None and seen.identity[0] == leftover.inode

    def _whole_ones(self, paths: list[str], now_s: float) -> dict[str, End]:
        """Return the files that end with a complete row, or have been unchanged for long anyway."""
        known, opened = self._ends, 0
        self._ends = {}
        found = {}
        for path in paths:
            identity, since_s = self._seen[path].identity, self._seen[path].since_s
            end = known.get(path)
            if end is None or end[0] != identity:
                if opened == OPENED_A_LOOK:
                    # Thousands at once: the others follow in the next scans.
                    continue
                opened += 1
                end = identity, end_of(Path(path))
            self._ends[path] = end
            if end[1].is_whole or now_s - since_s >= self._settings.unfinished_s:
                found[path] = end[1]
        return found

    def _groups(self, folder: Path, entries: Mapping[str, os.stat_result]) -> dict[str, Group]:
        """Return which files of a folder belong together, by their main file."""
        names = [os.path.basename(p) for p, found in entries.items() if stat.S_ISREG(found.st_mode)]
        known = self._grouped.get(folder)
        if known is None or known[0] != names:
            known = self._grouped[folder] = names, file_names.grouped(names)
        return known[1]

    def _group(self, drop: Drop) -> Group:
        """Return a drop with its companions, as of the last scan."""
        folder = self._layout.inbox / FOLDERS[drop.priority]
        known = self._grouped.get(folder)
        if known is None or drop.name not in known[1]:
            return self._groups(folder, self._entries(folder, top=False)).get(
                drop.name, Group(drop.name)
            )
        return known[1][drop.name]

    def _entries(self, folder: Path, top: bool) -> dict[str, os.stat_result]:
        found: dict[str, os.stat_result] = {}
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError as error:
            # The folders of the other priorities need not exist.
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
        self._problem_now = f"{folder} cannot be read ({why}): make it readable again"

    def _is_quiet(
        self, entries: dict[str, os.stat_result], seen: dict[str, _Seen], now_s: float
    ) -> set[str]:
        quiet = set()
        for path, found in entries.items():
            identity = (found.st_ino, found.st_size, found.st_mtime_ns)
            before = self._seen.get(path)
            if before is None or before.identity != identity:
                before = _Seen(identity, now_s)
            seen[path] = before
            if now_s - before.since_s >= self._settings.settle_s:
                quiet.add(path)
        return quiet

    def _no_work(
        self,
        path: str,
        found: os.stat_result,
        is_mate: bool,
        seen: dict[str, _Seen],
        now_s: float,
    ) -> str | None:
        if not stat.S_ISREG(found.st_mode):
            meant = _priority_meant(path, self._layout.inbox) if stat.S_ISDIR(found.st_mode) else ""
            return (
                f"not a regular file: only files are claimed, never links, folders or pipes{meant}"
            )
        if is_mate:
            return None
        if path.endswith(OWN_SETTINGS) or file_names.owner_of(os.path.basename(path)):
            return self._orphaned_sidecars(path, seen, now_s)
        if not file_names.ending_of(path):
            return file_names.why_not_taken(os.path.basename(path))
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
        return _waits_for(os.path.basename(path))

    def claim(self, drop: Drop, place: JobLayout) -> None:
        """Move a settled file and its companions into a job directory, the main file last.

        Raises:
            FileNotFoundError: the file was removed since.
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
        for source, target in _moves(path.parent, self._group(drop), place):
            if source == path or _is_file(source):
                atomic.move(source, target)

    def files(self, drop: Drop) -> dict[str, tuple[Path, tuple[int, int, int]]]:
        """Return a drop's files with their settled identity, by name in a job; main last."""
        path = self._layout.inbox / FOLDERS[drop.priority] / drop.name
        return {
            target.name: (source, self._seen[str(source)].identity)
            for source, target in _moves(path.parent, self._group(drop), JobLayout(Path()))
            if str(source) in self._seen and (source == path or _is_file(source))
        }

    def note_not_claimed(self, drop: Drop, error: OSError) -> None:
        """Leave a file that could not be claimed alone for a while; ignore a removed one.

        Raises:
            OSError: the error itself, where it is the disk's and not the file's.
        """
        if error.errno not in NO_WORK:
            raise error
        if error.errno != errno.ENOENT:
            self.refuse(drop, f"cannot be taken: {_explained(error)}")

    def refuse(self, drop: Drop, reason: str) -> None:
        """Leave a file that could not be claimed alone for a while, or until it changes."""
        path = str(self._layout.inbox / FOLDERS[drop.priority] / drop.name)
        if path in self._seen:
            until_s = self._clock.monotonic_s() + max(1.0, self._settings.claim_retry_s)
            self._refused[path] = (self._seen[path].identity, until_s, reason)

    def size_of(self, name: str, priority: Priority) -> int | None:
        """Return the size of a file in the inbox, in bytes; None if there is none."""
        try:
            return (self._layout.inbox / FOLDERS[priority] / name).lstat().st_size
        except FileNotFoundError:
            return None

    def own_settings(self, drop: Drop) -> str:
        """Return the text of a file's `.settings.toml` companion, empty if there is none.

        Raises:
            OSError: it cannot be read.
        """
        name = self._group(drop).settings
        path = self._layout.inbox / FOLDERS[drop.priority] / (name or drop.name)
        if name is None or not _is_file(path):
            return ""
        # A pipe in its place would wait for a writer for ever, a link could lead anywhere.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LARGEST_SETTINGS).decode("utf-8", "replace")

    def put_back(self, place: JobLayout, name: str, priority: Priority) -> None:
        """Move a claimed file and its companions back, under a free name if its own is taken."""
        folder = self._layout.inbox / FOLDERS[priority]
        target = folder / name
        number = 1
        while os.path.lexists(target):
            stem, ending = file_names.stem_of(name), file_names.ending_of(name)
            target = folder / f"{stem}-{number}{ending}"
            number += 1
        for source, goal in _ways_back(place, target):
            if source.exists() and not os.path.lexists(goal):
                atomic.move(source, goal)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry of the inbox is a priority's folder, or its page.

    Case-insensitive volumes list them in whatever case they were first created.
    """
    own = OURS.get(entry.name.lower())
    if own is None or entry.name == own:
        return own is not None
    with suppress(OSError):
        return os.path.samefile(entry.path, os.path.join(os.path.dirname(entry.path), own))
    return False


def _priority_meant(path: str, inbox: Path) -> str:
    """Name the folder that was meant, where one differs only in case."""
    folder, name = os.path.split(path)
    own = OURS.get(name.lower()) if folder == str(inbox) else None
    return f"; files with this priority go into {own}/" if own else ""


def _is_temporary(name: str) -> bool:
    return name.startswith(".") or name.endswith(TEMP_ENDINGS)


def _is_file(path: Path) -> bool:
    """Return whether there is a regular file; a name too long for the volume names none."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _explained(error: OSError) -> str:
    if error.errno == errno.EDEADLK:
        return "its bytes are not on this machine; download it first"
    return error.strerror or str(error)


def _waits_for(name: str) -> str:
    owner = file_names.owner_of(name)
    if owner is None:
        return f"waits for {name.removesuffix(OWN_SETTINGS)}.jsonl, to which it belongs"
    if owner[0] != file_names.TRAIN:
        return f"waits for {owner[0]}.jsonl, to which it belongs"
    part = {"valid": "hold-out", "test": "exam"}[owner[1]]
    return (
        f"is by its name the {part} of a file called train, which is not here, so it is not "
        "trained; 'finetuned submit --as train|holdout|exam' submits it as what you say"
    )


def _moves(folder: Path, group: Group, place: JobLayout) -> Iterator[tuple[Path, Path]]:
    """Yield source and target of each file of a group, the main one last."""
    for part, name in sorted(group.parts.items()):
        yield folder / name, place.named_as(part, name)
    if group.settings is not None:
        yield folder / group.settings, place.own_settings
    yield folder / group.main, place.named_as("main", group.main)


def _ways_back(place: JobLayout, target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield source and target in the inbox of each file of a job, the main one last."""
    for part, source in (("test", place.exam_original), ("valid", place.holdout_original)):
        name = file_names.part_beside(target.name, part, file_names.ending_of(source.name))
        yield source, target.with_name(name)
    stem = file_names.shared_stem(target.name)
    yield place.own_settings, target.with_name(stem + OWN_SETTINGS)
    yield place.original, target
