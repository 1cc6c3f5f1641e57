"""Backoff for disk errors: how long to wait between tries, and when to give up."""

import errno
from dataclasses import dataclass, replace

FIRST_REST_S, LONGEST_REST_S = 0.5, 30.0
TRIES = 20
GIVE_UP_S = 300.0
"""A broken disk ends the daemon after so many tries in a row and so many seconds."""

BROKEN = (errno.EIO, errno.EROFS, errno.ENXIO, errno.ENODEV, errno.ESTALE)
"""Errors that waiting does not fix. Permissions and descriptors may return: these are retried."""


@dataclass(frozen=True)
class Patience:
    """The failures in a row so far."""

    failures: int = 0
    broken: int = 0
    """The last of them, in a row, that came from a broken disk."""
    broken_since_s: float = 0.0

    def after(self, error: OSError, now_s: float) -> "Patience":
        """Return the state after one more failure."""
        failed = replace(self, failures=self.failures + 1)
        if error.errno not in BROKEN:
            return replace(failed, broken=0)
        since_s = now_s if self.broken == 0 else self.broken_since_s
        return replace(failed, broken=self.broken + 1, broken_since_s=since_s)

    @property
    def rest_s(self) -> float:
        """Seconds to wait before the next try: none at first, then doubling each time."""
        if self.failures < 2:
            return 0.0
        return min(FIRST_REST_S * 2.0 ** min(self.failures - 2, 10), LONGEST_REST_S)

    def spent(self, now_s: float) -> bool:
        """Return whether to give up."""
        return self.broken >= TRIES and now_s - self.broken_since_s >= GIVE_UP_S
