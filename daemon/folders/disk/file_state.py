"""The identity, size and change time of a file, to detect later changes."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

TAIL_BYTES = 4096


@dataclass(frozen=True)
class FileState:
    """The state of a file at one moment."""

    inode: int = 0
    size_bytes: int = 0
    written_ns: int = 0

    @classmethod
    def of(cls, path: str | Path) -> Self:
        """Return the state of the file at a path.

        Raises:
            OSError: it cannot be examined.
        """
        found = os.lstat(path)
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Parse a recorded state; None if nothing was recorded."""
        try:
            inode, size, written = map(int, text.split(":"))
        except ValueError:
            return None
        return cls(inode, size, written)

    def __str__(self) -> str:
        return f"{self.inode}:{self.size_bytes}:{self.written_ns}"


def tail_of(path: Path, end: int) -> str:
    """Return a checksum of the last bytes of a file before an offset.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        file.seek(max(0, end - TAIL_BYTES))
        data = file.read(min(end, TAIL_BYTES))
    return hashlib.blake2b(data, digest_size=12).hexdigest()
