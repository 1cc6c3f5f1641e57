"""Reads from strace's log what was changed under one folder, with every byte, in its order.

What a program writes through shared memory is not seen: SQLite's index of its log is left out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.tracing import CHANGES, tracer

WHOLE = 2**24
"""Longer strings would be cut off by strace."""


@dataclass(frozen=True)
class Open:
    """A file is opened to be written: made where it is not there, emptied where asked for."""

    path: str
    empties: bool
    appends: bool


@dataclass(frozen=True)
class Write:
    """Bytes are written, at an offset or where the last ones ended."""

    path: str
    data: bytes
    offset: int | None = None


@dataclass(frozen=True)
class Copy:
    """The kernel copies the next bytes of a file to the end of another."""

    path: str
    source: str
    count: int


@dataclass(frozen=True)
class Truncate:
    """A file is cut off or filled up to a size."""

    path: str
    size: int


@dataclass(frozen=True)
class Rename:
    """A name goes over to another; what was there is gone."""

    source: str
    path: str


@dataclass(frozen=True)
class MakeDirectory:
    """A directory appears."""

    path: str


@dataclass(frozen=True)
class Remove:
    """A name goes."""

    path: str


@dataclass(frozen=True)
class MakeLink:
    """A symbolic link appears."""

    path: str
    target: str


@dataclass(frozen=True)
class Sync:
    """A file's bytes, or a directory's names, are on the medium."""

    path: str


Operation = Open | Write | Copy | Truncate | Rename | MakeDirectory | Remove | MakeLink | Sync

CALL = re.compile(r"(\d+) +(\w+)\((.*)\) += +(-?\d+)")
UNFINISHED = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)$")
BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
PLACE = re.compile(r"<((?:\\x[0-9a-f]{2})*)>")
PATHS = re.compile(r'(?:(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>, )?"((?:\\x[0-9a-f]{2})*)"')


def recording(log: Path, *more: str) -> list[str]:
    """Return the beginning of a command line that has all changes of the disk recorded."""
    return tracer(log, CHANGES, "-xx", "-s", str(WHOLE), *more)


def operations(lines: Iterable[str], root: Path) -> Iterator[Operation]:
    """Give what was changed under a folder; names are relative to it.

    Raises:
        ValueError: a call that this module does not know changed something there.
    """
    known_by = "".join(f"\\x{byte:02x}" for byte in str(root).encode())
    for call, rest, result in finished_calls(lines):
        for operation in _operations_of(call, rest, result) if known_by in rest else ():
            inner = _under(operation, f"{root}/")
            if inner is not None:
                yield inner


def finished_calls(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Give name, arguments and result of each call that succeeded, as each came to its end."""
    begun: dict[str, str] = {}
    for line in lines:
        unfinished = UNFINISHED.match(line)
        if unfinished is not None:
            begun[unfinished.group(1)] = unfinished.group(3)
            continue
        resumed = RESUMED.match(line)
        if resumed is not None:
            thread, name, rest = resumed.groups()
            line = f"{thread} {name}({begun.pop(thread, '')}{rest}"
        found = CALL.match(line)
        if found is not None and int(found.group(4)) >= 0:
            yield found.group(2), found.group(3), int(found.group(4))


def _operations_of(call: str, rest: str, result: int) -> list[Operation]:
    match call:
        case "open" | "openat" | "creat":
            writes = call == "creat" or re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", rest)
            empties = call == "creat" or "O_TRUNC" in rest
            return [Open(_paths(rest)[0], empties, "O_APPEND" in rest)] if writes else []
        case "write" | "writev":
            return [Write(_place(rest), _bytes(rest)[:result])]
        case "pwrite64" | "pwritev":
            offset = int(rest.rsplit(", ", 1)[1])
            return [Write(_place(rest), _bytes(rest)[:result], offset)]
        case "sendfile":
            target, source = _places(rest)
            return [Copy(target, source, result)]
        case "copy_file_range":
            source, target = _places(rest)
            return [Copy(target, source, result)]
        case "ftruncate":
            return [Truncate(_place(rest), int(rest.rsplit(", ", 1)[1]))]
        case "truncate":
            return [Truncate(_paths(rest)[0], int(rest.rsplit(", ", 1)[1]))]
        case "fsync" | "fdatasync":
            return [Sync(_place(rest))]
        case "rename" | "renameat" | "renameat2":
            source, target = _paths(rest)
            return [Rename(source, target)]
        case "mkdir" | "mkdirat":
            return [MakeDirectory(_paths(rest)[0])]
        case "unlink" | "unlinkat" | "rmdir":
            return [Remove(_paths(rest)[0])]
        case "symlink" | "symlinkat":
            text, name = rest.split(", ", 1)
            return [MakeLink(_paths(name)[0], _decoded(text.strip('"')).decode())]
        case _:
            raise ValueError(f"{call} is not known here")


def _under(operation: Operation, root: str) -> Operation | None:
    """Return an operation with names relative to a folder; None where it is about others."""
    if not f"{operation.path}/".startswith(root):
        return None
    facts = dict(vars(operation), path=f"{operation.path}/".removeprefix(root)[:-1])
    source = facts.get("source")
    if isinstance(source, str):
        if not source.startswith(root):
            raise ValueError(f"{operation} brings something from outside")
        facts["source"] = source.removeprefix(root)
    return type(operation)(**facts)


def _place(rest: str) -> str:
    return _places(rest)[0]


def _places(rest: str) -> list[str]:
    """Return the files that descriptors are of; one that is gone has an odd ending."""
    return [
        _text(match.group(1)) + ("(deleted)" if rest[match.end() :].startswith("(d") else "")
        for match in PLACE.finditer(rest)
    ]


def _paths(rest: str) -> list[str]:
    """Return the names that a call is given, made whole with the directory they are in."""
    return [
        str(Path(_text(folder)) / _text(name)) if folder else _text(name)
        for folder, name in PATHS.findall(rest)
    ]


def _bytes(rest: str) -> bytes:
    parts = []
    for text, cut in BYTES.findall(rest):
        if cut:
            raise ValueError(f"strace cut a string off after {WHOLE} bytes")
        parts.append(_decoded(text))
    return b"".join(parts)


def _text(text: str) -> str:
    return _decoded(text).decode("utf-8", "surrogateescape")


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
