"""The status document as commands and the dashboard read it back, field by field.

Another release may have written it, so each field may be missing.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict


class MeasuredOf(TypedDict, total=False):
    """What the losses shown belong to."""

    run: str | None
    version: str | None
    verdict: str | None
    files: Sequence[str]


class NewestMeasurement(TypedDict, total=False):
    """The newest figures on held-out rows."""

    source: str
    step: int
    step_in_run: int
    right: int | None
    items: int | None
    percent: float | None


class ShownBenchmarks(TypedDict, total=False):
    """The right answers of a version to the suites, in words."""

    sentence: str
    version: str


class ShownSample(TypedDict, total=False):
    """A prompt with the wanted answer and the model's."""

    prompt: str
    golden_answer: str
    model_answer: str
    matches: bool


class ShownStatus(TypedDict, total=False):
    """The fields that are shown; `finetuned status --schema` describes all."""

    status: str
    message: str | None
    heartbeat: str
    timestamp: str
    current_step: int
    total_steps: int | None
    progress_percent: float | None
    eta_seconds: float | None
    epoch: int | None
    run: str | None
    batch_step: int | None
    batch_total_steps: int | None
    current_file: str | None
    version: str | None
    model_name: str
    loss: float | None
    loss_of: MeasuredOf | None
    validation_loss: float | None
    validation_step: int | None
    learning_rate: float | None
    tokens_per_sec: float | None
    accuracy_percent: float | None
    accuracy_files: Sequence[str]
    accuracy_last_20: float | None
    accuracy_last_50: float | None
    accuracy_trend: str | None
    best_accuracy: float | None
    best_step: int | None
    total_correct: int
    total_evals: int
    newest_measurement: NewestMeasurement | None
    benchmarks: ShownBenchmarks | None
    recent_examples: Sequence[ShownSample]
    eval_samples: Sequence[ShownSample]
    queue: Mapping[str, int]
    active_alerts: Sequence[Mapping[str, str]]
    error_message: str | None
    leftovers: Sequence[Mapping[str, str]]
    commands: Sequence[Mapping[str, str]]
