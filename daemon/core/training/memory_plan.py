"""How much memory a loaded model may take, and how many passes it computes side by side.

It is a value: decided where a run's choices are made, kept with them, and handed over wherever a
model is loaded, whichever process does it.
"""

from dataclasses import dataclass, replace
from typing import Self

from daemon.core.training.footprint import Estimate


@dataclass(frozen=True)
class MemoryPlan:
    """What steps are expected to take at their peak."""

    one_pass: Estimate
    """What a step takes that computes one pass at a time."""
    passes: int
    """Passes computed side by side."""

    @classmethod
    def fit(cls, one_pass: Estimate, usable: int, most: int) -> Self:
        """Return the plan with as many passes at once, up to `most`, as fit into `usable` bytes."""
        return cls(one_pass, one_pass.concurrency(usable, most))

    @property
    def need(self) -> Estimate:
        """What all passes at once take together."""
        return self.one_pass.times(self.passes)

    def within(self, usable: int, most: int) -> Self:
        """Return the plan for a machine that may have less: never more passes than planned."""
        return replace(self, passes=self.one_pass.concurrency(usable, min(most, self.passes)))
