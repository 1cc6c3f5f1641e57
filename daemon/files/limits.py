"""How much of a dropped file may be unpacked, and the error for one that cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass

from daemon.core.rows.refusal import Bad

FREE_BYTES = 2**20
"""So much may come out of the smallest file: rows that repeat pack well."""
UNLIMITED = 2**63


class Unreadable(Exception):
    """A file, or what is left of it, that cannot be read; nothing of it is used."""

    def __init__(self, bad: Bad) -> None:
        super().__init__(bad.message)
        self.bad = bad


@dataclass(frozen=True, slots=True)
class Limits:
    """What comes out of one file at most."""

    unpacked_bytes: int = UNLIMITED
    ratio: int = UNLIMITED
    """Of what comes out to what the file has, in bytes."""
    row_bytes: int = 2**28

    def most(self, packed_bytes: int) -> int:
        """Return how many bytes may come out of a file of that size."""
        return min(self.unpacked_bytes, max(FREE_BYTES, packed_bytes * self.ratio))


def bounded(pieces: Iterator[bytes], packed_bytes: int, limits: Limits) -> Iterator[bytes]:
    """Give the pieces on until more came out than may.

    Raises:
        Unreadable: it did.
    """
    most, size = limits.most(packed_bytes), 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise Unreadable(_too_much(packed_bytes, most, limits))
        yield piece


def _too_much(packed_bytes: int, most: int, limits: Limits) -> Bad:
    if most == limits.unpacked_bytes:
        message = f"more than {most:,} bytes come out of it (intake.max_unpacked)"
        return Bad("unpacked_too_large", message, "split the file, or raise intake.max_unpacked")
    message = (
        f"{packed_bytes:,} bytes that unpack to more than {limits.ratio} times as many are "
        "taken for a trap (intake.max_unpacked_ratio)"
    )
    hint = "unpack it yourself, look at it and drop that, or raise intake.max_unpacked_ratio"
    return Bad("unpacked_too_large", message, hint)
