"""MinHash signatures of questions, folded into bands: equal bands make two rows candidates."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from daemon.dedup.likeness import FEW_SHINGLES, SHINGLE

BANDS = 16
"""With four hashes a band, questions whose shingles overlap by 0.6 meet with 0.89, by 0.8 with
0.9998, and by 0.2 with 0.025."""

HASHES = 4 * BANDS
SEED = 42
VERSION = f"rensa-{RMinHash.ALGORITHM_VERSION}/{HASHES}/{BANDS}/{SHINGLE}"
"""Signatures of another version cannot be compared."""

CHUNK = 1 << 18
"""Characters hashed at once: the arrays stay in the processor's cache."""

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

_STEP = np.uint32(0x9E3779B1)
_PRIMES = np.array([0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1], dtype=np.uint32)


def bands(contents: Sequence[str], hards: U64) -> U32:
    """Return the band keys of questions, shape (n, BANDS).

    `hards` are hashes of what may not differ; questions that differ in it never meet.
    """
    found = np.empty((len(contents), BANDS), np.uint32)
    begin = 0
    while begin < len(contents):
        end, size = begin, 0
        while end < len(contents) and (end == begin or size + len(contents[end]) <= CHUNK):
            size += len(contents[end])
            end += 1
        found[begin:end] = _bands_of(contents[begin:end])
        begin = end
    found ^= _fold(hards)[:, None]
    return found


def _bands_of(contents: Sequence[str]) -> U32:
    lengths = np.fromiter(map(len, contents), np.int64, len(contents))
    # Too short for shingles: padded, so that equal ones are equal and others differ.
    padded = [text.ljust(SHINGLE + FEW_SHINGLES) for text in contents]
    lengths = np.maximum(lengths, SHINGLE + FEW_SHINGLES)
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    hashes = _shingles(letters, lengths)
    offsets = np.zeros(len(contents) + 1, np.uint64)
    np.cumsum(lengths, out=offsets[1:])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, HASHES, SEED)
    rows = np.array(matrix.to_rows(), np.uint32).reshape(len(contents), BANDS, HASHES // BANDS)
    mixed: U32 = (rows * _PRIMES).sum(axis=2, dtype=np.uint32)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    return mixed ^ (mixed >> np.uint32(12))


def _shingles(letters: U32, lengths: npt.NDArray[np.int64]) -> U64:
    """Hash every run of SHINGLE letters; runs across two texts repeat the text's first one."""
    count = len(letters) - SHINGLE + 1
    hashes = letters[:count].copy()
    for place in range(1, SHINGLE):
        hashes *= _STEP
        hashes += letters[place : place + count]
    hashes ^= hashes >> np.uint32(16)
    hashes *= np.uint32(0x7FEB352D)
    hashes ^= hashes >> np.uint32(15)
    whole = np.empty(len(letters), np.uint64)
    whole[:count] = hashes
    ends = np.cumsum(lengths)
    starts = ends - lengths
    crossing = (ends[:, None] - np.arange(1, SHINGLE)).ravel()
    whole[crossing] = np.repeat(whole[starts], SHINGLE - 1)
    return whole


def _fold(hashes: U64) -> U32:
    return (hashes ^ (hashes >> np.uint64(32))).astype(np.uint32)
