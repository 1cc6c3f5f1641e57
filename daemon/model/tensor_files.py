"""Parses and validates the headers of safetensors files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from daemon.errors import ModelFault

MOST_HEADER_BYTES = 100 * 2**20
_WIDTHS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """The header entry of one tensor."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: Path) -> Mapping[str, TensorFacts]:
    """Return the tensors of a safetensors file by name.

    Raises:
        ModelFault: it is missing, truncated, or not a safetensors file.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, MOST_HEADER_BYTES):
                raise _damaged(path, "its header is cut short")
            header = json.loads(file.read(length))
    except OSError as error:
        raise ModelFault("model_damaged", f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "it is not a safetensors file") from error
    try:
        return _tensors(header, size - 8 - length)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"its header contradicts itself or its size ({error})") from error


def _damaged(path: Path, why: str) -> ModelFault:
    return ModelFault("model_damaged", f"{path} is damaged: {why}")


def _tensors(header: Mapping[str, object], data_bytes: int) -> dict[str, TensorFacts]:
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict):
            raise ValueError(f"{name} is not described")
        shape = tuple(int(extent) for extent in entry["shape"])
        start, end = (int(offset) for offset in entry["data_offsets"])
        width = _WIDTHS.get(entry["dtype"])
        if min((0, *shape)) < 0 or not 0 <= start <= end <= data_bytes:
            raise ValueError(f"{name} lies outside the file")
        if width is not None and end - start != prod(shape) * width:
            raise ValueError(f"{name} has another size than its shape")
        found[name] = TensorFacts(str(entry["dtype"]), shape)
    return found
