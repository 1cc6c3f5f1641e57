"""Keeps what flows out of the layers that never change, for passes that come again.

The file has no name and ends with the process, so it is never trusted after a crash. Keeping is
given up where it does not pay, or where there is no room.
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
"""States read back before it is decided whether reading them pays."""


class TrunkCache:
    """States by the key of their pass; at most so many bytes, the first come are kept."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._descriptor = _nameless(folder)
        self._let_go = weakref.finalize(self, os.close, self._descriptor)
        self._lock = threading.Lock()
        self._most = most_bytes
        self._places: dict[bytes, tuple[int, tuple[int, ...], Any]] = {}
        self._size = 0
        self._computed_s: dict[bytes, float] = {}
        self._saved_s: list[float] = []
        self._told = False
        self.given_up: str | None = None
        """Why nothing is kept any more, for people."""

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    @property
    def size_bytes(self) -> int:
        """Bytes kept."""
        return self._size

    def put(self, key: bytes, state: Any, computed_s: float) -> None:
        """Keep an evaluated state if there is room; `computed_s` seconds is what it took."""
        with self._lock:
            if self.given_up or key in self._places or self._size + state.nbytes > self._most:
                return
            try:
                _write(self._descriptor, _as_numbers(state), self._size)
            except OSError as error:
                self._give_up(f"there is no room for them: {error.strerror}")
                return
            self._places[key] = (self._size, state.shape, state.dtype)
            self._computed_s[key] = computed_s
            self._size += state.nbytes

    def get(self, key: bytes) -> Any:
        """Return a state that was kept, bit by bit the same; None where it was not."""
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
            self._give_up("reading them takes longer than computing them again")

    def remark(self) -> str | None:
        """Say once, for people, what keeping has come to; None before that is known."""
        if self._told or not (self.given_up or len(self._saved_s) >= TRIED):
            return None
        self._told = True
        if self.given_up:
            return f"states of the layers below the adapters are not kept: {self.given_up}"
        saved_s = sum(self._saved_s) / len(self._saved_s)
        return (
            f"states of the layers below the adapters are kept ({self._size / 2**20:.0f} MB): "
            f"each pass that comes again takes {saved_s:.2f} s less"
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
        """Let go of the room."""
        self._let_go()


def _nameless(folder: Path) -> int:
    """Return the descriptor of a new file that nobody else can find."""
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
            raise OSError("the file of kept states has become shorter")
        parts.append(part)
        size, offset = size - len(part), offset + len(part)
    return b"".join(parts)
