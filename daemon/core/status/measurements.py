"""The newest figures on held-out rows: the last evaluation of a run, or its judgement."""

from dataclasses import dataclass
from typing import Literal

from daemon.core.evaluation.set_names import OWN
from daemon.core.records import JsonObject
from daemon.core.training.evaluations import Evaluations
from daemon.core.training.progress import Progress


@dataclass(frozen=True)
class Measurement:
    """The last measurement; figures that were not measured are None."""

    source: Literal["evaluation", "judgement"]
    step: int
    """Optimizer steps since the base model."""
    step_in_run: int
    right: int | None = None
    items: int | None = None
    percent: float | None = None
    loss: float | None = None
    """Nats per token on the rows that this source scores."""

    def as_record(self, run: str | None, version: str | None) -> JsonObject:
        """Return plain JSON values; during a run there is no version."""
        return {
            "source": self.source,
            "run": run,
            "version": version,
            "step": self.step,
            "step_in_run": self.step_in_run,
            "right": self.right,
            "items": self.items,
            "percent": self.percent,
            "loss": self.loss,
        }


def newest_evaluation(progress: Progress, after_step: int) -> Measurement | None:
    """Return the figures of a run's last evaluation; the run began after `after_step`."""
    answered_at, percent = (progress.accuracy_history or ((None, None),))[-1]
    scored_at = progress.validation_step
    step = max((at for at in (answered_at, scored_at) if at is not None), default=after_step)
    if step <= after_step:
        return None
    points = [point for point in progress.accuracy_by_job if point.step == step]
    return Measurement(
        "evaluation",
        step,
        step - after_step,
        right=sum(point.right for point in points) if points else None,
        items=sum(point.items for point in points) if points else None,
        percent=percent if answered_at == step else None,
        loss=progress.validation_loss if scored_at == step else None,
    )


def judgement_of(evaluations: Evaluations, step: int, step_in_run: int) -> Measurement | None:
    """Return a manifest's judgement as a measurement; None if it measured nothing."""
    exact = evaluations.exact_match
    items, right = (exact.items or None, exact.after) if exact is not None else (None, None)
    loss = evaluations.loss_of(OWN).after
    if items is None and loss is None:
        return None
    return Measurement(
        "judgement",
        step,
        step_in_run,
        right=right if items else None,
        items=items,
        percent=100.0 * right / items if items and right is not None else None,
        loss=loss,
    )
