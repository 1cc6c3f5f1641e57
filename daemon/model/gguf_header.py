"""Checks by a GGUF file's header that the file is complete.

MLX maps the file into memory: reading past the end of a truncated one is a bus error, not an
exception.
Source: the GGUF specification, version 3.
"""

import struct
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from daemon.errors import ModelFault

_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_ALIGNMENT = "general.alignment"
# Tensor type: (numbers in a block, bytes of a block). These are the types MLX reads natively.
_BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 8: (32, 34), 30: (1, 2)}
_MOST = 2**32


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
    except (struct.error, OverflowError, UnicodeDecodeError, KeyError) as error:
        raise _damaged(path, "its header is cut short or makes no sense") from error


def _damaged(path: Path, why: str) -> ModelFault:
    return ModelFault("model_damaged", f"{path} is damaged: {why}")


def _end_of_tensors(file: BinaryIO, path: Path) -> int:
    magic, version, tensors, pairs = _unpack(file, "<4sIQQ")
    if magic != b"GGUF" or version not in (2, 3):
        raise ModelFault("model_unsupported", f"{path} is not a GGUF file of version 2 or 3")
    alignment = 32
    for _ in range(_sane(pairs)):
        name, (kind,) = _string(file), _unpack(file, "<I")
        if name == _ALIGNMENT and kind == 4:
            (alignment,) = _unpack(file, "<I")
        else:
            _skip_value(file, kind)
    ends = [_tensor_end(file, path) for _ in range(_sane(tensors))]
    start = -(-file.tell() // alignment) * int(alignment)
    return start + max(ends, default=0)


def _tensor_end(file: BinaryIO, path: Path) -> int:
    name, (axes,) = _string(file), _unpack(file, "<I")
    shape = _unpack(file, f"<{_sane(axes) % 16}Q")
    kind, offset = _unpack(file, "<IQ")
    if kind not in _BLOCKS:
        message = f"{path} holds {name} in a kind not read here (F16, Q8_0, Q4_1 and Q4_0 are)"
        raise ModelFault("model_unsupported", message)
    numbers, width = _BLOCKS[kind]
    return int(offset) + prod(map(int, shape)) // numbers * width


def _skip_value(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        _string(file)
    elif kind == _ARRAY:
        inner, count = _unpack(file, "<IQ")
        if inner in (_STRING, _ARRAY):
            for _ in range(_sane(count)):
                _skip_value(file, inner)
        else:
            file.seek(_WIDTHS[inner] * _sane(count), 1)
    else:
        file.seek(_WIDTHS[kind], 1)


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<Q")
    return file.read(_sane(length)).decode()


def _unpack(file: BinaryIO, form: str) -> tuple[Any, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _sane(count: int) -> int:
    if count > _MOST:
        raise OverflowError(f"{count} items")
    return count
