"""Files that a command writes where the user asked for them; never the workspace's own."""

from collections.abc import Iterable
from pathlib import Path

from daemon.errors import UserFault
from daemon.folders import atomic


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
