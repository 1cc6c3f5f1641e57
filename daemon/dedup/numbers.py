"""Hashes of texts that are the same in every process and on every machine."""

import hashlib


def hash64(text: str) -> int:
    """Return 64 bits that equal texts share."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
