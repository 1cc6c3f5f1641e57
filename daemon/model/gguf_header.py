"""Checks by a GGUF file's header that the file is complete, before MLX maps it into memory.

MLX would read past the end of a truncated file, which is a bus error and no exception. The reader
of llama.cpp does not take this check's place: docs/decisions/0005-dependencies.md.
Source: the GGUF specification, version 3.
"""

import struct
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from daemon.errors import ModelFault

_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING, _ARRAY = 4, 8, 9
_ALIGNMENT = "general.alignment"
# Tensor type: (numbers in a block, bytes of a block). These are the types MLX reads natively.
_BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 8: (32, 34), 30: (1, 2)}

MOST_NAMED = 2**16
"""Keys, tensors, and bytes of a name: llama.cpp allows no more bytes."""
MOST_STRINGS = 2**22
"""Strings in a list: the largest vocabularies have a quarter of a million."""
MOST_AXES = 4
MOST_BYTES = 2**48
"""No file is longer, and no seek goes further at once."""


def check_whole(path: Path) -> None:
    """Pass if every tensor of the file lies within it.

    Raises:
        ModelFault: it is missing, not GGUF, truncated, or of a type that MLX does not read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if _end_of_tensors(file, path) > size:
                raise _damaged(path, "it is cut short")
    except OSError as error:
        raise ModelFault("model_damaged", f"{path} cannot be read ({error.strerror})") from error
    except (struct.error, OverflowError, ValueError, KeyError) as error:
        raise _damaged(path, "its header is cut short or makes no sense") from error


def _damaged(path: Path, why: str) -> ModelFault:
    return ModelFault("model_damaged", f"{path} is damaged: {why}")


def _end_of_tensors(file: BinaryIO, path: Path) -> int:
    magic, version, tensors, pairs = _unpack(file, "<4sIQQ")
    if magic != b"GGUF" or version not in (2, 3):
        raise ModelFault("model_unsupported", f"{path} is not a GGUF file of version 2 or 3")
    alignment = 32
    for _ in range(_bounded(pairs)):
        name, (kind,) = _name(file), _unpack(file, "<I")
        if name == _ALIGNMENT:
            (alignment,) = _unpack(file, "<I")
            if kind != _UINT32 or alignment.bit_count() != 1:
                raise ValueError("the alignment is not a power of two")
        else:
            _skip_value(file, kind, path)
    ends = [_tensor_end(file, path) for _ in range(_bounded(tensors))]
    start = -(-file.tell() // alignment) * int(alignment)
    return start + max(ends, default=0)


def _tensor_end(file: BinaryIO, path: Path) -> int:
    name, (axes,) = _name(file), _unpack(file, "<I")
    shape = _unpack(file, f"<{_bounded(axes, MOST_AXES)}Q")
    kind, offset = _unpack(file, "<IQ")
    if kind not in _BLOCKS:
        message = f"{path} holds {name} in a kind not read here (F16, Q8_0, Q4_1 and Q4_0 are)"
        raise ModelFault("model_unsupported", message)
    numbers, width = _BLOCKS[kind]
    blocks, rest = divmod(prod(map(int, shape)), numbers)
    if rest:
        raise ValueError("a tensor ends within a block")
    return int(offset) + blocks * width


def _skip_value(file: BinaryIO, kind: int, path: Path) -> None:
    if kind == _STRING:
        _skip_string(file)
    elif kind == _ARRAY:
        inner, count = _unpack(file, "<IQ")
        if inner == _ARRAY:
            # MLX follows them by recursion, as deep as the file says.
            raise ModelFault("model_unsupported", f"{path} holds lists of lists, not read here")
        if inner == _STRING:
            for _ in range(_bounded(count, MOST_STRINGS)):
                _skip_string(file)
        else:
            _skip(file, _WIDTHS[inner] * count)
    else:
        _skip(file, _WIDTHS[kind])


def _skip_string(file: BinaryIO) -> None:
    _skip(file, _unpack(file, "<Q")[0])


def _skip(file: BinaryIO, length: int) -> None:
    file.seek(_bounded(length, MOST_BYTES), 1)


def _name(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<Q")
    return file.read(_bounded(length)).decode()


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _bounded(count: int, most: int = MOST_NAMED) -> int:
    if count > most:
        raise OverflowError(f"{count} of at most {most}")
    return count
