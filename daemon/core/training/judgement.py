"""What the trainer measured of a candidate: paired comparisons with references, lost answers."""

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
    """Candidate minus reference: of losses in nats a token, of other metrics as shares of 1."""
    p_better: float
    p_worse: float
    metric: str = LOSS
    families: int | None = None
    """What was tested where several items are of one family; None where each is its own."""

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
    """By the reference, with an end."""
    empty: int
    """Of these, left without a word by the candidate."""
    endless: int
    """Of these, answered by the candidate without an end, beyond the golden answer's length."""

    @property
    def most(self) -> bool:
        """Whether at least half are lost, and more than one: what a person would see at once."""
        lost = self.empty + self.endless
        return lost > 1 and 2 * lost >= self.answered


class Judgement(msgspec.Struct, frozen=True):
    """What the trainer measured of a candidate."""

    finite: bool
    changed: bool
    comparisons: tuple[PairedComparison, ...] = msgspec.field(name="tests")
    lost: tuple[LostAnswers, ...] = msgspec.field(name="lost_answers", default=())
