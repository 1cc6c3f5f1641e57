"""How long failures of the disk are borne, and how long to rest between tries; knows no disk."""

import errno
from dataclasses import dataclass, replace

FIRST_REST_S, LONGEST_REST_S = 0.5, 30.0
TRIES = 20
GIVE_UP_S = 300.0
"""After so many tries in a row and so many seconds, a disk that is broken ends the daemon."""

BROKEN = (errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, errno.ESTALE)
"""Errors that no waiting mends. Rights and descriptors may come back, and are waited for."""


@dataclass(frozen=True)
class Patience:
    """Failures in a row."""

    failures: int = 0
    broken: int = 0
    """Those of them, the last included, that came from a broken disk."""
    broken_since_s: float = 0.0

    def after(self, error: OSError, now_s: float) -> "Patience":
        """Return the patience that is left after one more failure."""
        failed = replace(self, failures=self.failures + 1)
        if error.errno not in BROKEN:
            return replace(failed, broken=0)
        since_s = now_s if self.broken == 0 else self.broken_since_s
        return replace(failed, broken=self.broken + 1, broken_since_s=since_s)

    @property
    def rest_s(self) -> float:
        """The seconds to wait before the next try: none at first, then twice as long each time."""
        if self.failures < 2:
            return 0.0
        return min(FIRST_REST_S * 2.0 ** min(self.failures - 2, 10), LONGEST_REST_S)

    def spent(self, now_s: float) -> bool:
        """Return whether trying again has no sense any more."""
        return self.broken >= TRIES and now_s - self.broken_since_s >= GIVE_UP_S
