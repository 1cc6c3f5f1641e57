"""Files that a command writes where the user asked for them; never the workspace's own."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from daemon.errors import UserFault
from daemon.folders.disk import atomic


def check(path: Path, force: bool) -> None:
    """Refuse a place where nothing can be written.

    Raises:
        UserFault: something is there already and `force` is off, or its folder is missing.
    """
    if path.is_dir() or (path.exists() and not force):
        raise UserFault("file_exists", f"{path} is there already: name another, or give --force")
    if not path.parent.is_dir():
        raise UserFault("no_such_folder", f"{path.parent} is no folder: make it first")


def put(path: Path, pieces: Iterable[bytes], force: bool) -> None:
    """Write a file, whole at once."""
    check(path, force)
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(pieces)


def check_folder(path: Path, force: bool) -> None:
    """Refuse a folder into which nothing can be written.

    Raises:
        UserFault: it is there already and `force` is off, it is a file, or its parent is missing.
    """
    if path.exists() and not (path.is_dir() and force):
        raise UserFault("file_exists", f"{path} is there already: name another, or give --force")
    if not path.parent.is_dir():
        raise UserFault("no_such_folder", f"{path.parent} is no folder: make it first")


def put_folder(path: Path, files: Iterable[tuple[str, bytes]], force: bool) -> None:
    """Write files into a folder, each whole at once; what else lies there stays."""
    check_folder(path, force)
    atomic.make_directory(path)
    for name, data in files:
        put(path / name, [data], force)


def as_json(value: Any) -> bytes:
    """Return a value as a JSON file that people can read too."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1).encode() + b"\n"
