"""Binds sockets by short paths: macOS allows 104 bytes, and its temporary folders take most."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give an empty folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="f", dir="/tmp") as made:
        yield Path(made)


def bind_in(server: socket.socket, folder: Path, name: str) -> None:
    """Bind a socket to a name in a folder, however long the folder's path is."""
    with short_folder() as short:
        (short / "d").symlink_to(folder)
        server.bind(str(short / "d" / name))
