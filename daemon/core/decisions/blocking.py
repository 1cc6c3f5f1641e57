"""Decides when to retry a run or base model that the trainer refused.

A refusal holds as long as its causes: it is retried as soon as one of them has changed, and after
a while where the cause may pass by itself.
"""

from dataclasses import dataclass, replace

GIB = 2**30
FIRST_REST_S, LONGEST_REST_S = 120.0, 600.0

LITTLE_MEMORY = frozenset(("too_little_memory", "out_of_memory"))
"""Codes of refusals that a smaller run or more free memory would lift."""

MAY_PASS = LITTLE_MEMORY | {
    "model_missing",
    "model_damaged",
    "model_download_failed",
    "trainer_died",
    "version_damaged",
    "adapter_damaged",
    "device_lost",
}
"""Codes whose cause may pass without an edit of the settings: a network, a disk, a copied file."""


SAVED_SETTINGS = "settings_unusable"
"""Code of a refusal because of the settings saved with the run, which no edit now can lift."""

NEWER = "record_newer"
"""Code of a refusal because a later release wrote a file of the run, which only that one lifts."""


@dataclass(frozen=True)
class Circumstances:
    """What a refusal may depend on besides the version and the jobs, which the run names."""

    settings: str = ""
    """Digest of the settings that a run of its jobs would have."""
    free_bytes: int = 0
    """Free memory of the machine."""
    at_s: float = 0.0
    """Time on the monotonic clock."""


@dataclass(frozen=True)
class Refusal:
    """The trainer's last refusal of a run or a base model."""

    of: str
    """The run, or the model as the settings name it."""
    code: str
    message: str
    passing: bool
    """The worker saw an error that may pass by itself, such as one of the disk."""
    under: Circumstances
    tried_with: str = ""
    """Digest of the settings in the request of a run."""
    times: int = 1
    """Refusals in a row under the same settings."""

    @property
    def may_pass(self) -> bool:
        """Whether waiting may help."""
        return self.passing or self.code in MAY_PASS


def after(earlier: Refusal | None, fresh: Refusal) -> Refusal:
    """Return a refusal with the earlier ones in a row counted."""
    if earlier is None or (earlier.of, earlier.under.settings) != (fresh.of, fresh.under.settings):
        return fresh
    return replace(fresh, times=earlier.times + 1)


def is_due(refusal: Refusal, now: Circumstances) -> bool:
    """Return whether to try again what was refused."""
    if now.settings != refusal.under.settings:
        return True
    if refusal.code in LITTLE_MEMORY and _has_more_memory(refusal.under, now):
        return True
    rest_s = min(FIRST_REST_S * 2.0 ** min(refusal.times - 1, 10), LONGEST_REST_S)
    return refusal.may_pass and now.at_s - refusal.under.at_s >= rest_s


def _has_more_memory(before: Circumstances, now: Circumstances) -> bool:
    # By so much that the usual ups and downs of other programs do not trigger a try at each tick.
    return now.free_bytes - before.free_bytes >= max(GIB, before.free_bytes // 4)


def is_outdated(refusal: Refusal, now: Circumstances, has_commits: bool) -> bool:
    """Return whether to give up a refused run and open it anew with edited settings.

    A run that only waits for a disk to recover keeps its commits, and so does one that another
    release can continue: whether to discard them is up to the user.
    """
    if refusal.code == NEWER:
        return False
    if refusal.code == SAVED_SETTINGS:
        return not has_commits
    if now.settings == refusal.tried_with:
        return False
    return not has_commits or not refusal.may_pass or refusal.code in LITTLE_MEMORY
