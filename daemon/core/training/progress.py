"""Training progress of a lineage: counters and histories, folded from metrics and samples.

The trainer folds it into each checkpoint, the supervisor into the status, by the same functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NotRequired, TypedDict

HISTORY = 200
RECENT = 20
MATCHES = 50
"""Number of samples that are remembered as right or wrong."""

Trend = Literal["improving", "declining", "stable"]


@dataclass(frozen=True)
class Metrics:
    """The metrics of one optimizer step; losses are mean nats per supervised token."""

    step: int
    """Optimizer steps since the base model."""
    step_in_run: int
    epoch: int
    loss: float | None
    """None if it was not finite."""
    learning_rate: float
    gradient_norm: float | None
    applied: bool
    rows: int
    tokens: int
    supervised_tokens: int
    padded_tokens: int
    seconds: float
    jobs: tuple[str, ...] = ()
    prompt: str | None = None
    """The start of one prompt of the step, for people."""
    update_norm: float | None = None
    """Norm of the change of the adapter."""
    replayed: int = 0
    """Rows among them that were trained in earlier runs."""
    waited_s: float = 0.0
    """Of the seconds, those in which the step waited for its tokens."""
    rested_s: float = 0.0
    """Rest before this step, to spare the machine."""
    flops_share: float | None = None
    """Useful arithmetic per second, as a share of the machine's measured peak (MFU)."""
    memory: dict[str, int] = field(default_factory=dict)
    """Bytes by kind after the step."""
    trained: dict[str, list[int]] = field(default_factory=dict)
    """The trained rows by job and number; replayed ones are not among them."""


class MetricsLine(TypedDict):
    """What is read back of a line of `metrics.jsonl`: a step's `Metrics` as plain values."""

    step: int
    loss: float | None
    applied: bool
    tokens: int
    supervised_tokens: int
    replayed: int
    seconds: float
    trained: NotRequired[Mapping[str, Sequence[int]]]
    """Missing in metrics of an earlier release."""


@dataclass(frozen=True)
class Sample:
    """One hold-out prompt answered by the model in training."""

    step: int
    prompt: str
    golden_answer: str
    model_answer: str
    matches: bool
    job: str


@dataclass(frozen=True)
class AccuracyPoint:
    """How many questions of one job's hold-out were answered right in an evaluation."""

    step: int
    job: str
    right: int
    items: int
    file: str = ""
    """The name of the job's file; empty in what is written to disk."""

    @property
    def percent(self) -> float:
        """Percent of right answers."""
        return 100.0 * self.right / self.items


@dataclass(frozen=True)
class Progress:
    """Counters and histories, as `training_state.json` and the status document carry them."""

    step: int = 0
    total_evals: int = 0
    total_correct: int = 0
    best_accuracy: float | None = None
    """Best share of right samples in one evaluation, in percent."""
    best_step: int | None = None
    validation_loss: float | None = None
    validation_step: int | None = None
    """When it was measured; None in records of earlier releases."""
    train_loss_history: tuple[tuple[int, float], ...] = ()
    """(step, loss) of the last applied steps."""
    accuracy_history: tuple[tuple[int, float], ...] = ()
    """(step, percent of right samples) of the last evaluations."""
    accuracy_by_job: tuple[AccuracyPoint, ...] = ()
    """The same by job: questions of different files are not comparable."""
    recent_matches: tuple[bool, ...] = ()
    recent_samples: tuple[Sample, ...] = ()
    throughput_history: tuple[float, ...] = ()
    """Real tokens per second of the last steps."""
    step_times: tuple[tuple[int, float], ...] = ()
    """(step, seconds) of the last steps, with rests, without pauses and evaluations."""

    @property
    def accuracy_percent(self) -> float | None:
        """Percent of right samples among the recent ones; None before the first."""
        return self.accuracy_of_last(MATCHES)

    def accuracy_of_last(self, samples: int) -> float | None:
        """Return the percent of right answers among the latest samples, at most `MATCHES`.

        With fewer samples, of all there are; None before the first.
        """
        last = self.recent_matches[-samples:]
        return 100.0 * sum(last) / len(last) if last else None


def after_step(progress: Progress, metrics: Metrics) -> Progress:
    """Return the progress with one more step."""
    speed = metrics.tokens / metrics.seconds if metrics.seconds > 0 else 0.0
    history = progress.train_loss_history
    if metrics.applied and metrics.loss is not None:
        history = (*history, (metrics.step, metrics.loss))[-HISTORY:]
    return replace(
        progress,
        step=metrics.step,
        train_loss_history=history,
        throughput_history=(*progress.throughput_history, speed)[-RECENT:],
        step_times=(*progress.step_times, (metrics.step, metrics.seconds + metrics.rested_s))[
            -RECENT:
        ],
    )


def after_evaluation(
    progress: Progress, step: int, validation_loss: float | None, samples: tuple[Sample, ...]
) -> Progress:
    """Return the progress with one more periodic evaluation."""
    right = sum(sample.matches for sample in samples)
    progress = replace(
        progress,
        total_evals=progress.total_evals + len(samples),
        total_correct=progress.total_correct + right,
        validation_loss=progress.validation_loss if validation_loss is None else validation_loss,
        validation_step=progress.validation_step if validation_loss is None else step,
        recent_matches=(*progress.recent_matches, *(s.matches for s in samples))[-MATCHES:],
        recent_samples=(*progress.recent_samples, *samples)[-RECENT:],
    )
    if not samples:
        return progress
    accuracy = 100.0 * right / len(samples)
    progress = replace(
        progress,
        accuracy_history=(*progress.accuracy_history, (step, accuracy))[-HISTORY:],
        accuracy_by_job=_by_job(progress.accuracy_by_job, step, samples),
    )
    if progress.best_accuracy is None or accuracy > progress.best_accuracy:
        progress = replace(progress, best_accuracy=accuracy, best_step=step)
    return progress


def _by_job(
    before: tuple[AccuracyPoint, ...], step: int, samples: tuple[Sample, ...]
) -> tuple[AccuracyPoint, ...]:
    jobs = dict.fromkeys(sample.job for sample in samples)
    matches = {job: [s.matches for s in samples if s.job == job] for job in jobs}
    points = [AccuracyPoint(step, job, sum(its), len(its)) for job, its in matches.items()]
    # A second evaluation at the same step replaces the first.
    kept = [point for point in before if point.step < step]
    return (*kept, *points)[-max(HISTORY, len(points)) :]


def trend(values: tuple[float, ...], margin: float = 0.05) -> Trend | None:
    """Compare the newer half with the older; None with fewer than four values."""
    if len(values) < 4:
        return None
    middle = len(values) // 2
    older = sum(values[:middle]) / middle
    newer = sum(values[middle:]) / (len(values) - middle)
    if abs(newer - older) <= margin * max(abs(older), 1e-9):
        return "stable"
    return "improving" if newer > older else "declining"
