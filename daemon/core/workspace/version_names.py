"""Names of versions as users write them: `12`, `v12`, `latest`; the nearest name of a typo."""

import difflib
import re
from collections.abc import Iterable, Sequence

from daemon.core.workspace.versions import version_name

CURRENT, BASE, LATEST = "current", "base", "latest"
CURRENT_NAMES = (CURRENT, "current_model")
MOST_SHOWN = 100
"""An unknown name is repeated up to so many characters."""

_NUMBER = re.compile(r"v?(\d{1,12})\Z", re.ASCII)


def full_name(name: str, versions: Sequence[str]) -> str:
    """Return a version's full name: `12` and `v12` are expanded, `latest` is the newest.

    `versions` are those there are, by number; any other name stays as it is.
    """
    if name == LATEST and versions:
        return versions[-1]
    number = _NUMBER.match(name)
    return name if number is None else version_name(int(number[1]))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a user may have meant; None if none is alike."""
    listed = list(known)
    small = {one.lower(): one for one in reversed(listed)}
    near = difflib.get_close_matches(name.lower()[:MOST_SHOWN], small, n=1, cutoff=0.6)
    if near:
        return small[near[0]]
    part = name.lower().strip()
    # Shorter words are in everything.
    return next((one for one in listed if len(part) > 3 and part in one.lower()), None)
