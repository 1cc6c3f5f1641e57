"""Early stopping: decides when the loss on a run's tune rows has stopped falling.

Measured only from the end of the first epoch on, so that the step a run goes back to has seen every
row.
"""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Self


@dataclass(frozen=True)
class LossWatch:
    """The best loss so far and those measured since; steps are steps in the run."""

    best_step: int | None = None
    best_loss: float | None = None
    """In nats per token."""
    later: tuple[tuple[int, float | None], ...] = ()
    """(step, loss) since the best step; None if it was not finite."""

    @property
    def scored_step(self) -> int:
        """The last step that was measured; 0 before the first."""
        return self.later[-1][0] if self.later else self.best_step or 0

    def after(self, step: int, loss: float | None, min_delta: float) -> "LossWatch":
        """Return the watch with one more loss; it is better if it is lower by `min_delta`."""
        if loss is None or not isfinite(loss):
            return replace(self, later=(*self.later, (step, None)))
        if self.best_loss is None or loss < self.best_loss - min_delta:
            return LossWatch(step, loss)
        return replace(self, later=(*self.later, (step, loss)))

    def spent(self, patience_steps: int) -> bool:
        """Return whether the best step is at least `patience_steps` steps old."""
        return self.best_step is not None and self.scored_step - self.best_step >= patience_steps


@dataclass(frozen=True)
class EarlyStopped:
    """How a run was stopped early: it goes back to its best step and ends there."""

    best_step: int
    at_step: int
    """The step after which it was stopped; those after the best one do not count."""
    best_loss: float
    patience_steps: int
    min_delta: float
    later: tuple[tuple[int, float | None], ...]
    """(step, loss) after the best step."""

    @classmethod
    def of(cls, watch: LossWatch, patience_steps: int, min_delta: float) -> Self:
        """Return the early stop of a run whose patience is spent."""
        assert watch.best_step is not None and watch.best_loss is not None
        return cls(
            watch.best_step,
            watch.scored_step,
            watch.best_loss,
            patience_steps,
            min_delta,
            watch.later,
        )

    @property
    def sentence(self) -> str:
        """What happened, as a sentence for people."""
        return (
            f"stopped early after its step {self.at_step}: for {self.at_step - self.best_step} "
            f"steps the loss on the tune rows has not fallen by {self.min_delta:g} below the "
            f"{self.best_loss:.4f} of its step {self.best_step}; it goes back there, and the "
            "later steps do not count"
        )


def is_watched(step: int, every: int, epoch_steps: int, steps: int) -> bool:
    """Return whether the loss on the tune rows is measured after a step in the run.

    Not after the last one: there is nothing left to stop.
    """
    return bool(every) and step % every == 0 and epoch_steps <= step < steps
