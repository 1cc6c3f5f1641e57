"""Thousands of files with names in any bytes beside all that is no file, and huge files."""

import json
import os
import random
import re
import socket
import sys
from collections import Counter
from pathlib import Path

import psutil

from daemon.core.workspace.jobs import JobCard, card_from_record
from tests.end_to_end.workspace import Workspace

SETTINGS = (
    "[inbox]\nsettle_s = 0.1\nunfinished_s = 0.0\n"
    "[intake]\npictures = false\nmax_file_bytes = {limit}\n"
)
GIB = 2**30
MOST_GROWTH = 300 * 2**20
"""Bytes of memory that the intake worker may take for a line of any length."""


def flood(root: Path, seed: int, count: int) -> list[str]:
    """Drop so many files of one row at once, beside all that is none; return what is wrong."""
    with Workspace(root / "w", settings=SETTINGS.format(limit=GIB)) as space:
        space.touch("pause")
        wanted = {
            name: f'{{"text": "row {n}"}}\n'.encode() for n, name in enumerate(names(seed, count))
        }
        folder = os.fsencode(space.layout.inbox)
        for name, data in wanted.items():
            Path(os.fsdecode(os.path.join(folder, name))).write_bytes(data)
        with socket.socket(socket.AF_UNIX) as server:
            strange = no_files(space.layout.inbox, root, server)
            space.start()
            space.wait("all files", lambda: len(space.jobs("normal")) == count, 0.5 * count)
            told = {event["name"] for event in space.told("leftover")}
        found = [f"not told: {sorted(strange - told)}"] if told != strange else []
        if Counter(taken(space)) != Counter(wanted.items()):
            found.append("I1: what lies in the jobs is not what was dropped")
        return found


def names(seed: int, count: int) -> list[bytes]:
    """Return different names in any bytes but `/` and zero, by a seed.

    On macOS only those that APFS takes: it refuses what is no UTF-8, and a name in other case is
    the same name.
    """
    draw = random.Random(seed)
    apfs = sys.platform == "darwin"
    bytes_ = [n for n in range(1, 128 if apfs else 256) if n != ord("/")]
    found: dict[bytes, None] = {}
    while len(found) < count:
        stem = bytes(draw.choices(bytes_, k=draw.randint(1, 60)))
        stem = stem.lower() if apfs else stem
        if not stem.startswith(b".") and not stem.endswith(b".valid"):
            found[stem + b".jsonl"] = None
    return list(found)


def no_files(inbox: Path, root: Path, server: socket.socket) -> set[str]:
    """Put into the inbox what is no file; return the names that must be told."""
    secret = root / "secret"
    secret.write_text("{}")
    (inbox / "link.jsonl").symlink_to(secret)
    (inbox / "nowhere.jsonl").symlink_to("gone")
    (inbox / "device.jsonl").symlink_to("/dev/zero")
    os.mkfifo(inbox / "pipe.jsonl")
    (inbox / "folder.jsonl").mkdir()
    here = os.getcwd()
    # The path of a socket may have about a hundred bytes only.
    os.chdir(inbox)
    try:
        server.bind("socket.jsonl")
    finally:
        os.chdir(here)
    kinds = ["link", "nowhere", "device", "pipe", "folder", "socket"]
    if may_make_devices(inbox / "zero.jsonl"):
        kinds.append("zero")
    return {ascii(f"{kind}.jsonl") for kind in kinds}


def may_make_devices(path: Path) -> bool:
    """Make a device that never ends, where the user may."""
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        return False
    return True


def taken(space: Workspace) -> list[tuple[bytes, bytes]]:
    """Return name and bytes of each job's file."""
    found = []
    for path in space.layout.queue.glob("*/*/original.jsonl"):
        card: JobCard = card_from_record(json.loads((path.parent / "job.json").read_bytes()))
        found.append((os.fsencode(card.name), path.read_bytes()))
    return found


def huge(root: Path, file_bytes: int, line_bytes: int) -> list[str]:
    """Drop a sparse file beyond the limit and one with a long line; return what is wrong."""
    with Workspace(root / "w", settings=SETTINGS.format(limit=line_bytes + GIB)) as space:
        space.touch("pause")
        space.drop("first.jsonl", ['{"text": "first"}'])
        space.start()
        space.wait("a warm worker", lambda: space.jobs("normal"))
        [worker] = [w for w in space.workers() if "finetuned intake" in " ".join(w.cmdline())]
        before = peak_bytes(worker)
        text = b'{"text": "%b"}\n' % (b"a" * 80)
        sparse(space.layout.inbox / "huge.jsonl", text, file_bytes)
        sparse(space.layout.inbox / "line.jsonl", text + b'{"text": "', line_bytes, b'"}\n')
        space.wait("both", lambda: len(space.jobs("normal")) == 2 and space.jobs("failed"))
        growth = peak_bytes(worker) - before
        found = [f"the worker took {growth} bytes"] if growth > MOST_GROWTH else []
        if (code := space.report("failed")["code"]) != "file_too_large":
            found.append(f"refused as {code}")
        reasons = space.report("normal", 1)["reasons"]
        if [reason["code"] for reason in reasons] != ["line_too_long"]:
            found.append(f"the line was answered with {reasons}")
        return found


def sparse(path: Path, begin: bytes, size: int, end: bytes = b"") -> None:
    """Make a file of so many bytes that take no room, and rename it into place."""
    hidden = path.with_name(f".{path.name}")
    with hidden.open("wb") as file:
        file.write(begin)
        file.truncate(size)
        file.seek(0, os.SEEK_END)
        file.write(end)
    hidden.rename(path)


def peak_bytes(worker: psutil.Process) -> int:
    """Return the most memory a process has held so far."""
    text = Path(f"/proc/{worker.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    assert found is not None
    return int(found.group(1)) * 1024
