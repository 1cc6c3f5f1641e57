"""Why the trainer could not begin a run or prepare a base model, and when it is tried again; pure.

A refusal belongs to its causes: it is tried again as soon as one of them has changed, and after a
rest where the cause may pass by itself.
"""

from dataclasses import dataclass, replace

GIB = 2**30
FIRST_REST_S, LONGEST_REST_S = 120.0, 600.0

LITTLE_MEMORY = frozenset(("too_little_memory", "out_of_memory"))
"""Codes of refusals that less work or more free memory would end."""

MAY_PASS = LITTLE_MEMORY | {
    "model_missing",
    "model_damaged",
    "model_download_failed",
    "trainer_died",
    "version_damaged",
    "adapter_damaged",
    "device_lost",
}
"""Codes whose cause may go without a change of the settings: a network, a disk, a copied file."""


SAVED_SETTINGS = "settings_unusable"
"""Code of the refusal of a run by what was saved with it: no edit of today's settings ends it."""


@dataclass(frozen=True)
class Circumstances:
    """What a refusal may hang on besides the version and the jobs, which the run names."""

    settings: str = ""
    """Digest of the settings that a run of its jobs would have."""
    free_bytes: int = 0
    """Memory of the machine that nobody uses."""
    at_s: float = 0.0
    """By the monotonic clock."""


@dataclass(frozen=True)
class Refusal:
    """The trainer's last word on a run or a base model."""

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
    """In a row, under the same settings."""

    @property
    def may_pass(self) -> bool:
        """Whether waiting may help."""
        return self.passing or self.code in MAY_PASS


def after(earlier: Refusal | None, fresh: Refusal) -> Refusal:
    """Return a refusal with those before it counted."""
    if earlier is None or (earlier.of, earlier.under.settings) != (fresh.of, fresh.under.settings):
        return fresh
    return replace(fresh, times=earlier.times + 1)


def is_due(refusal: Refusal, now: Circumstances) -> bool:
    """Return whether what was refused is to be tried again."""
    if now.settings != refusal.under.settings:
        return True
    if refusal.code in LITTLE_MEMORY and _has_more_memory(refusal.under, now):
        return True
    rest_s = min(FIRST_REST_S * 2.0 ** min(refusal.times - 1, 10), LONGEST_REST_S)
    return refusal.may_pass and now.at_s - refusal.under.at_s >= rest_s


def _has_more_memory(then: Circumstances, now: Circumstances) -> bool:
    # By so much that the breathing of other programs brings no try at each look.
    return now.free_bytes - then.free_bytes >= max(GIB, then.free_bytes // 4)


def is_outdated(refusal: Refusal, now: Circumstances, has_commits: bool) -> bool:
    """Return whether a run is to be opened anew because its settings were edited since.

    One that only waits until a disk is well again keeps what it has committed, and so does one
    that another release can go on with: to give that up is for the user to say.
    """
    if refusal.code == SAVED_SETTINGS:
        return not has_commits
    if now.settings == refusal.tried_with:
        return False
    return not has_commits or not refusal.may_pass or refusal.code in LITTLE_MEMORY
