"""Computes the families of a job from its rows, if none were written at intake."""

import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from daemon.core.rows.examples import from_record
from daemon.core.rows.fingerprint import key_of
from daemon.dedup import wording
from daemon.dedup.family_keys import FamilyColumns
from daemon.dedup.sealing import turn_context
from daemon.folders.queue import family_files, fingerprints
from daemon.folders.queue.family_files import FAMILY, Families, FamilySide
from daemon.folders.queue.fingerprints import Keys
from daemon.layout_jobs import JobLayout

U64 = npt.NDArray[np.uint64]
Progress = Callable[[int], None]
"""Is called with the rows that were read so far."""


def families_by_keys(place: JobLayout, keys: Keys) -> Families:
    """Return the families of a job's training rows, one for each of their keys.

    Where none are written, a whole question stands for the first one: no row is read.
    """
    known = family_files.read_or_none(place.families)
    if known is None:
        return _of_keys(keys, _turns(keys))
    known = known[known["side"] == FamilySide.TRAINED]
    known = known[np.argsort(known["line"], kind="stable")]
    at = np.searchsorted(known["line"], keys["line"])
    at = np.minimum(at, max(0, len(known) - 1))
    if not len(known) or (known["line"][at] != keys["line"]).any():
        return _of_keys(keys, _turns(keys))
    found: Families = known[at]
    return found


def make_families(place: JobLayout, progress: Progress = lambda rows: None) -> Families:
    """Make the families of a job from its rows; of rows that were pruned from their exact keys."""
    words = wording.Words()
    columns = FamilyColumns()
    about: list[tuple[int, int, int]] = []
    for path, side in ((place.train, FamilySide.TRAINED), (place.holdout, FamilySide.EXAM)):
        if not path.exists():
            continue
        with path.open("rb") as file:
            for number, line in enumerate(file):
                record = json.loads(line)
                example = from_record(record)
                columns.add(example, key_of(example), words)
                about.append((record["row"], record["line"], side))
                if number % 1000 == 0:
                    progress(len(about))
    families = columns.families()
    if about:
        families["row"], families["line"], families["side"] = map(list, zip(*about, strict=True))
    return families if place.train.exists() else np.concatenate([_pruned(place), families])


def _pruned(place: JobLayout) -> Families:
    try:
        keys = fingerprints.read(place.train_fingerprints)
    except (OSError, ValueError):
        keys = np.zeros(0, fingerprints.KEY)
    return _of_keys(keys, np.zeros(len(keys), np.uint64))


def _turns(keys: Keys) -> U64:
    """Return the hashes of what the user asked last, whatever stood before it."""
    turns = keys.copy()
    turn_context(turns)
    found: U64 = turns["content"]
    return found


def _of_keys(keys: Keys, question: U64) -> Families:
    families = np.zeros(len(keys), FAMILY)
    families["row"], families["line"], families["exact"] = keys["row"], keys["line"], keys["hi"]
    families["question"], families["side"] = question, FamilySide.TRAINED
    return families
