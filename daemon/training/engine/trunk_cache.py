"""Trunk cache: stores the output of the layers below the adapters for passes that repeat.

The cache is an unlinked file that ends with the process, so it is never trusted after a crash. It
is given up where reading is slower than computing, or where the disk is full.
"""

import os
import tempfile
import threading
import weakref
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from daemon.model.backend import mx

TRIED = 4
"""States read back before deciding whether reading pays."""


class TrunkCache:
    """Trunk states by the key of their pass, up to a size in bytes; nothing is evicted."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._descriptor = _unlinked_file(folder)
        self._close_file = weakref.finalize(self, os.close, self._descriptor)
        self._lock = threading.Lock()
        self._most = most_bytes
        self._places: dict[bytes, tuple[int, tuple[int, ...], Any]] = {}
        self._size = 0
        self._computed_s: dict[bytes, float] = {}
        self._saved_s: list[float] = []
        self._reported = False
        self.given_up: str | None = None
        """Why nothing is cached any more, as part of a sentence."""

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    @property
    def size_bytes(self) -> int:
        """Bytes cached."""
        return self._size

    def put(self, key: bytes, state: Any, computed_s: float) -> None:
        """Cache an evaluated state if there is room; computing it took `computed_s` seconds."""
        with self._lock:
            if self.given_up or key in self._places or self._size + state.nbytes > self._most:
                return
            try:
                _write(self._descriptor, _as_numbers(state), self._size)
            except OSError as error:
                self._give_up(f"there is no room: {error.strerror}")
                return
            self._places[key] = (self._size, state.shape, state.dtype)
            self._computed_s[key] = computed_s
            self._size += state.nbytes

    def get(self, key: bytes) -> Any:
        """Return a cached state, bit-identical; None if it is not cached."""
        with self._lock:
            if key not in self._places:
                return None
            began_s = perf_counter()
            offset, shape, dtype = self._places[key]
            size = int(np.prod(shape)) * dtype.size
            numbers = np.frombuffer(_read(self._descriptor, size, offset), np.uint8)
            state = mx.array(numbers).view(dtype).reshape(shape)
            mx.eval(state)
            self._judge(self._computed_s[key] - (perf_counter() - began_s))
            return state

    def _judge(self, saved_s: float) -> None:
        self._saved_s.append(saved_s)
        if len(self._saved_s) == TRIED and sum(self._saved_s) <= 0:
            self._give_up("reading them back takes longer than computing them")

    def take_remark(self) -> str | None:
        """Return once, as a sentence, whether the cache pays; None before that is known."""
        if self._reported or not (self.given_up or len(self._saved_s) >= TRIED):
            return None
        self._reported = True
        if self.given_up:
            return f"outputs of the layers below the adapters are not cached: {self.given_up}"
        saved_s = sum(self._saved_s) / len(self._saved_s)
        return (
            f"outputs of the layers below the adapters are cached ({self._size / 2**20:.0f} MB): "
            f"each repeated pass takes {saved_s:.2f} s less"
        )

    def _give_up(self, why: str) -> None:
        self.given_up = why
        self._places.clear()
        os.ftruncate(self._descriptor, 0)

    @property
    def saved_s(self) -> float:
        """Seconds of computing that reading has saved so far."""
        return sum(self._saved_s)

    def close(self) -> None:
        """Free the disk space."""
        self._close_file()


def _unlinked_file(folder: Path) -> int:
    """Return the descriptor of a new file that is already unlinked."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".states-")
    os.unlink(name)
    return descriptor


def _as_numbers(state: Any) -> memoryview:
    numbers: Any = np.array(state.view(mx.uint8), copy=False)
    return memoryview(numbers.reshape(-1))


def _write(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _read(descriptor: int, size: int, offset: int) -> bytes:
    parts = []
    while size:
        part = os.pread(descriptor, size, offset)
        if not part:
            raise OSError("the trunk cache file has become shorter")
        parts.append(part)
        size, offset = size - len(part), offset + len(part)
    return b"".join(parts)
