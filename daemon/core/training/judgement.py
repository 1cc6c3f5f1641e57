"""Measurements of a candidate: paired comparisons with references, lost answers, forgetting."""

from dataclasses import dataclass

import msgspec

LOSS = "loss"


@dataclass(frozen=True)
class PairedComparison:
    """One paired comparison of a candidate with a reference on the same items."""

    name: str
    """Of the set of items."""
    against: str
    items: int
    mean_change: float
    """Candidate minus reference: of losses in nats per token, of other metrics as shares of 1."""
    p_better: float
    p_worse: float
    metric: str = LOSS
    families: int | None = None
    """Number of families tested, where several items belong to one; None if none do."""

    @property
    def gain(self) -> float:
        """How much better the candidate is; below 0 it is worse."""
        return -self.mean_change if self.metric == LOSS else self.mean_change


@dataclass(frozen=True)
class LostAnswers:
    """Questions of one set that a reference answered, and how many the candidate does not."""

    name: str
    """Of the set of items."""
    against: str
    answered: int
    """By the reference, and ended by it."""
    empty: int
    """Of these, answered with nothing by the candidate."""
    endless: int
    """Of these, answers that the candidate did not end, longer than the golden answer."""

    @property
    def most(self) -> bool:
        """Whether at least half are lost, and more than one: a person would notice at once."""
        lost = self.empty + self.endless
        return lost > 1 and 2 * lost >= self.answered


@dataclass(frozen=True)
class Forgetting:
    """How much of earlier files a candidate has forgotten, against the best version of each."""

    name: str
    """The file, by its job; `earlier_holdout` for all of them together."""
    against: str
    items: int
    rise: float
    """Rise of the loss, in nats per token."""
    gained: float | None
    """How far the best version is below the base, in nats per token; None if unknown."""
    tolerated: float
    """The rise that is tolerated, in nats per token."""
    p_worse: float
    families: int | None = None

    @property
    def exceeds(self) -> bool:
        """Whether the rise is more than is tolerated."""
        return self.rise > self.tolerated


class Judgement(msgspec.Struct, frozen=True):
    """What the trainer measured of a candidate."""

    finite: bool
    changed: bool
    comparisons: tuple[PairedComparison, ...] = msgspec.field(name="tests")
    lost: tuple[LostAnswers, ...] = msgspec.field(name="lost_answers", default=())
    forgetting: tuple[Forgetting, ...] = ()
    floors: tuple[PairedComparison, ...] = ()
    """Of each suite, the comparison with the best version that the lineage had in it."""

    @property
    def all_comparisons(self) -> tuple[PairedComparison, ...]:
        """All comparisons, each once: the best version of a suite may be a reference as well."""
        known = {(one.name, one.against) for one in self.comparisons}
        added = (one for one in self.floors if (one.name, one.against) not in known)
        return (*self.comparisons, *added)
