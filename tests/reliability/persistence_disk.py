"""A disk that remembers what was made durable: what a folder may look like after a power cut.

Strict: each directory's names are durable by its own sync only, in whatever order.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import assert_never

from tests.reliability.persistence_trace import (
    Copy,
    MakeDirectory,
    MakeLink,
    Open,
    Operation,
    Remove,
    Rename,
    Sync,
    Truncate,
    Write,
)


class After(Enum):
    """What is left after a power cut."""

    ALL = "everything, as after a kill"
    SYNCED = "only bytes and names that were synced"
    EMPTY = "all names, and no bytes that were not synced"
    TORN = "all names, and half of the bytes that were not synced"


@dataclass(frozen=True)
class LinkTo:
    """A symbolic link."""

    target: str


Tree = dict[str, bytes | LinkTo | None]
"""What lies under each relative name; None is a directory."""


@dataclass(eq=False)
class File:
    """The bytes of a file, and those that are on the medium; None before its first sync."""

    data: bytes = b""
    synced: bytes | None = None
    place: int = 0
    """Where the next bytes go."""
    appends: bool = False

    def left(self, after: After) -> bytes:
        """Return its bytes after a power cut."""
        synced = self.synced or b""
        if after is After.ALL or self.data == self.synced:
            return self.data
        if after is After.SYNCED:
            return synced
        kept = len(synced) if self.data.startswith(synced) else 0
        return self.data[: kept if after is After.EMPTY else (kept + len(self.data)) // 2]

    def write(self, data: bytes, offset: int | None) -> None:
        """Take bytes at an offset, or where the last ones ended."""
        begin = offset
        if begin is None:
            begin = len(self.data) if self.appends else self.place
            self.place = begin + len(data)
        old = self.data.ljust(begin, b"\0")
        self.data = old[:begin] + data + old[begin + len(data) :]


@dataclass(eq=False)
class Folder:
    """The names of a directory, and those that are on the medium."""

    names: dict[str, "Node"] = field(default_factory=dict)
    synced: dict[str, "Node"] = field(default_factory=dict)


Node = File | Folder | LinkTo


class Disk:
    """One folder on a disk."""

    def __init__(self) -> None:
        self._root = Folder()
        self._read: dict[File, int] = {}

    @classmethod
    def of(cls, root: Path, unsynced: str | None = None) -> "Disk":
        """Return a folder as it lies on the disk: all durable, but for one directory in it."""
        disk = cls()
        for path in sorted(root.rglob("*")):
            disk.put(str(path.relative_to(root)), path)
        disk._settle(disk._root)
        loose = disk._find(unsynced) if unsynced else None
        if isinstance(loose, Folder):
            loose.synced = {n: c for n, c in loose.names.items() if not isinstance(c, File)}
            for child in loose.names.values():
                if isinstance(child, File):
                    child.synced = None
        return disk

    def put(self, name: str, path: Path) -> None:
        """Take over what lies somewhere."""
        node: Node = Folder()
        if path.is_symlink():
            node = LinkTo(str(path.readlink()))
        elif path.is_file():
            node = File(path.read_bytes())
        folder, last = self._parent(name)
        folder.names[last] = node

    def _settle(self, node: Node) -> None:
        if isinstance(node, File):
            node.synced = node.data
        elif isinstance(node, Folder):
            node.synced = dict(node.names)
            for child in node.names.values():
                self._settle(child)

    def read(self, name: str) -> bytes:
        """Return what a reader sees in a file now; nothing where there is none."""
        node = self._find(name)
        return node.data if isinstance(node, File) else b""

    def tree(self, after: After) -> Tree:
        """Return what is there after a power cut at this moment."""
        found: Tree = {}
        self._walk(self._root, "", after, found)
        return found

    def _walk(self, folder: Folder, before: str, after: After, found: Tree) -> None:
        names = folder.synced if after is After.SYNCED else folder.names
        for name, node in names.items():
            if isinstance(node, Folder):
                found[before + name] = None
                self._walk(node, f"{before}{name}/", after, found)
            else:
                found[before + name] = node if isinstance(node, LinkTo) else node.left(after)

    def apply(self, operation: Operation) -> None:
        """Do what was done."""
        match operation:
            case Open(path, empties, appends):
                self._open(path, empties, appends)
            case Write(path, data, offset):
                if (file := self._file(path)) is not None:
                    file.write(data, offset)
            case Copy(path, source, count):
                self._copy(path, source, count)
            case Truncate(path, size):
                if (file := self._file(path)) is not None:
                    file.data = file.data[:size].ljust(size, b"\0")
            case Rename(source, path):
                self._rename(source, path)
            case MakeDirectory(path):
                folder, name = self._parent(path)
                folder.names[name] = Folder()
            case MakeLink(path, target):
                folder, name = self._parent(path)
                folder.names[name] = LinkTo(target)
            case Remove(path):
                folder, name = self._parent(path)
                del folder.names[name]
            case Sync(path):
                self._sync(path)
            case _:
                assert_never(operation)

    def _open(self, path: str, empties: bool, appends: bool) -> None:
        folder, name = self._parent(path)
        file = folder.names.setdefault(name, File())
        assert isinstance(file, File), path
        file.place, file.appends = 0, appends
        self._read.pop(file, None)
        if empties:
            file.data = b""

    def _copy(self, path: str, source: str, count: int) -> None:
        target, given = self._file(path), self._file(source)
        assert target is not None and given is not None, (path, source)
        begin = self._read.get(target, 0)
        target.write(given.data[begin : begin + count], None)
        self._read[target] = begin + count

    def _rename(self, source: str, path: str) -> None:
        folder, name = self._parent(source)
        goal, new = self._parent(path)
        goal.names[new] = folder.names.pop(name)

    def _sync(self, path: str) -> None:
        node = self._find(path)
        if isinstance(node, File):
            node.synced = node.data
        elif isinstance(node, Folder):
            node.synced = dict(node.names)

    def _file(self, path: str) -> File | None:
        """Return a file; None for one that is open and has no name any more."""
        node = self._find(path)
        return node if isinstance(node, File) else None

    def _find(self, path: str) -> Node | None:
        node: Node | None = self._root
        for part in () if path in ("", ".") else path.split("/"):
            node = node.names.get(part) if isinstance(node, Folder) else None
        return node

    def _parent(self, path: str) -> tuple[Folder, str]:
        before, _, name = path.rpartition("/")
        folder = self._find(before)
        assert isinstance(folder, Folder), path
        return folder, name


def lay_out(tree: Tree, root: Path, before: Tree) -> None:
    """Make a folder that looks like `before` look like `tree`."""
    changed = {name for name in before if name not in tree or tree[name] != before[name]}
    for name in sorted(changed, reverse=True):
        path = root / name
        if before[name] is not None:
            path.unlink()
        elif name not in tree or tree[name] is not None:
            path.rmdir()
    for name, what in sorted(tree.items()):
        path = root / name
        if name in before and name not in changed:
            continue
        if what is None:
            path.mkdir()
        elif isinstance(what, LinkTo):
            path.symlink_to(what.target)
        else:
            path.write_bytes(what)
