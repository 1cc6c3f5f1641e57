"""Writes the output files of commands where the user wants them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from daemon.errors import UserFault
from daemon.folders.disk import atomic


def check(path: Path, force: bool) -> None:
    """Check that a file can be written at a path.

    Raises:
        UserFault: something is there already and `force` is off, or the folder is missing.
    """
    if path.is_dir() or (path.exists() and not force):
        raise UserFault("file_exists", f"{path} exists already: name another, or use --force")
    if not path.parent.is_dir():
        raise UserFault("no_such_folder", f"there is no folder {path.parent}: create it first")


def put(path: Path, pieces: Iterable[bytes], force: bool) -> None:
    """Write a file atomically."""
    check(path, force)
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        file.writelines(pieces)


def check_folder(path: Path, force: bool) -> None:
    """Check that files can be written into a folder.

    Raises:
        UserFault: it is there already and `force` is off, it is a file, or its parent is missing.
    """
    if path.exists() and not (path.is_dir() and force):
        raise UserFault("file_exists", f"{path} exists already: name another, or use --force")
    if not path.parent.is_dir():
        raise UserFault("no_such_folder", f"there is no folder {path.parent}: create it first")


def put_folder(path: Path, files: Iterable[tuple[str, bytes]], force: bool) -> None:
    """Write files into a folder, each atomically; other files there stay."""
    check_folder(path, force)
    atomic.make_directory(path)
    for name, data in files:
        put(path / name, [data], force)


def as_json(value: Any) -> bytes:
    """Return a value as indented JSON."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=1).encode() + b"\n"
