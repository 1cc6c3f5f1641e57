"""The memory plan of a loaded model: its peak memory and how many passes run concurrently.

It is decided when a run's choices are frozen, stored with them, and passed to every process that
loads the model.
"""

from dataclasses import dataclass, replace
from typing import Self

from daemon.core.training.footprint import Estimate


@dataclass(frozen=True)
class MemoryPlan:
    """The expected peak memory of a run's steps."""

    one_pass: Estimate
    """Peak memory of a step that computes one pass at a time."""
    passes: int
    """Passes computed concurrently."""

    @classmethod
    def fit(cls, one_pass: Estimate, usable: int, most: int) -> Self:
        """Return the plan with as many passes at once, up to `most`, as fit into `usable` bytes."""
        return cls(one_pass, one_pass.concurrency(usable, most))

    @property
    def need(self) -> Estimate:
        """The peak memory of all concurrent passes together."""
        return self.one_pass.times(self.passes)

    def within(self, usable: int, most: int) -> Self:
        """Return the plan for a machine that may have less memory; it never has more passes."""
        return replace(self, passes=self.one_pass.concurrency(usable, min(most, self.passes)))
