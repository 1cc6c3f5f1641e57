"""Whether a run has forgotten what earlier files taught, and what follows; knows numbers alone."""

from collections import defaultdict
from collections.abc import Sequence

LEAST_SHARE = 0.1
"""Where nothing was replayed and something was forgotten, replay begins with this share."""

Scored = Sequence[tuple[float, int]]
"""For each item the sum of its losses in nats, and its supervised tokens."""


def rises(jobs: Sequence[str], before: Scored, after: Scored) -> dict[str, float]:
    """Return how much the loss on each earlier file's hold-out rose, in nats a token.

    The three sequences have one entry an item; a fall is negative.
    """
    change: defaultdict[str, float] = defaultdict(float)
    tokens: defaultdict[str, int] = defaultdict(int)
    for job, (old, count), (new, _) in zip(jobs, before, after, strict=True):
        change[job] += new - old
        tokens[job] += count
    return {job: change[job] / tokens[job] for job in change if tokens[job]}


def next_share(share: float, least: float, most: float, forgot: bool) -> float:
    """Return the share of replayed rows of the next run: doubled on forgetting, else eased."""
    wanted = max(2 * share, LEAST_SHARE) if forgot else share / 2
    return max(least, min(wanted, most))
