"""Puts files into `inbox/` atomically and without overwriting others.

The counterpart of `inbox.py`, for commands and for files that the daemon puts back.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.folders.disk import atomic

Writer = Callable[[Path], None]
"""Writes a file's content to a path."""


def free_stem(folder: Path, stem: str, endings: tuple[str, ...]) -> str:
    """Return the stem, with a number if the folder already has a file with that stem."""
    chosen, number = stem, 1
    while any(os.path.lexists(folder / f"{chosen}{ending}") for ending in endings):
        number += 1
        chosen = f"{stem}-{number}"
    return chosen


def put(folder: Path, writers: Mapping[str, Writer]) -> os.stat_result:
    """Write files under temporary names, then rename them in the given order.

    The order matters: companions come first, the file they belong to last. Returns the inode and
    times of the last one, which do not change when it is renamed.

    Raises:
        FileExistsError: a name was taken in the meantime; that file was left as it is.
    """
    atomic.make_directory(folder)
    hidden = {name: atomic.temporary_name(folder / name) for name in writers}
    try:
        for name, write in writers.items():
            write(hidden[name])
            atomic.sync_file(hidden[name])
        for name, path in hidden.items():
            found = path.lstat()
            atomic.move(path, folder / name)
        return found
    finally:
        for path in hidden.values():
            atomic.remove_file(path)


def copy_of(source: Path) -> Writer:
    """Return a writer that copies a file."""
    return lambda target: atomic.copy_file(source, target)


def text_of(text: str) -> Writer:
    """Return a writer of a text."""
    return lambda target: atomic.write_bytes(target, text.encode())
