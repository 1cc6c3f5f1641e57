"""Reads the rows of a Parquet file as lines of JSON, a batch at a time."""

import base64
from collections.abc import Iterator
from os import SEEK_END
from typing import IO, Any

import orjson

from daemon.core.rows.refusal import Bad
from daemon.files.limits import Unreadable

MAGIC = b"PAR1"
BATCH = 256
"""Rows that are held at once."""


def rows(file: IO[bytes]) -> Iterator[bytes]:
    """Give the rows of a file that is open; what is null is absent.

    Raises:
        Unreadable: it is damaged, or holds what only newer programs read.
    """
    for batch in _batches(file):
        for row in batch.to_struct_array().to_pylist():
            yield orjson.dumps(_plain(row), default=_as_text, option=OPTIONS) + b"\n"


OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS


def _batches(file: IO[bytes]) -> Iterator[Any]:
    file.seek(-min(len(MAGIC), file.seek(0, SEEK_END)), SEEK_END)
    if file.read() != MAGIC:
        hint = "copy or download it again, and drop it when it is complete"
        raise Unreadable(Bad("cut_off", "the Parquet file is cut off: its end is missing", hint))
    file.seek(0)
    # It takes 33 MB of the disk and a tenth of a second, and few files are of this kind.
    from arro3.io import read_parquet

    try:
        yield from read_parquet(file, batch_size=BATCH)
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        # The library gives up with an exception of its own, which is none of `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise Unreadable(_damaged(error)) from error


def _damaged(error: BaseException) -> Bad:
    # Only the library's last words are for people: before them stands how it met the error.
    why = str(error).rsplit(" value: ", 1)[-1][:200]
    hint = "copy or download it again; rows can also be dropped as JSON lines"
    return Bad("damaged", f"the Parquet file cannot be read ({why})", hint)


def _plain(value: Any) -> Any:
    """Return a value without what is null in it: a column has every key that any row has."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        pairs = value and all(isinstance(item, tuple) and len(item) == 2 for item in value)
        return _plain(dict(value)) if pairs else [_plain(item) for item in value]
    return value


def _as_text(value: Any) -> Any:
    """Return what JSON has no form for: times, decimals and bytes."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            # An object and no text: nobody is to learn the digits of a picture.
            return {"bytes": base64.b64encode(value[:32]).decode(), "length": len(value)}
    return str(value)
