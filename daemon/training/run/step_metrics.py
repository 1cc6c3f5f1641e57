"""The metrics of one step: loss, norms, tokens, times, memory."""

from dataclasses import dataclass

from daemon.core.training.progress import Metrics
from daemon.training.data.batches import StepContent
from daemon.training.engine.protocol import Engine, StepResult


@dataclass(frozen=True)
class StepTimes:
    """How long a step took, in seconds."""

    whole_s: float
    waited_s: float
    """The part of it spent waiting for the step's tokens."""
    rested_s: float = 0.0
    """The pause before it, to cool the machine down."""


def step_metrics(
    at: tuple[int, int],
    content: StepContent,
    learning_rate: float,
    result: StepResult,
    times: StepTimes,
    engine: Engine,
) -> Metrics:
    """Return the metrics of a step; `at` has its number in the lineage and in the run."""
    texts = [text.encoded for text in content.texts]
    return Metrics(
        step=at[0],
        step_in_run=at[1],
        epoch=content.epoch,
        loss=result.loss,
        learning_rate=learning_rate,
        gradient_norm=result.gradient_norm,
        applied=result.applied,
        rows=sum(text.first for text in content.texts),
        tokens=sum(len(text.tokens) for text in texts),
        supervised_tokens=sum(int(text.supervised[1:].sum()) for text in texts),
        padded_tokens=sum(item.width * len(item.rows) for item in content.passes),
        seconds=times.whole_s,
        jobs=content.jobs,
        prompt=content.prompt,
        update_norm=result.update_norm,
        replayed=sum(text.replayed and text.first for text in content.texts),
        waited_s=times.waited_s,
        rested_s=times.rested_s,
        flops_share=_share(result, times, engine.peak_arithmetic),
        memory=engine.memory(),
        trained=_trained(content),
    )


def _trained(content: StepContent) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {job: [] for job in content.jobs}
    for text in content.texts:
        if not text.replayed and text.first:
            found[text.id[0]].append(text.id[1])
    return {job: rows for job, rows in found.items() if rows}


def _share(result: StepResult, times: StepTimes, peak: float | None) -> float | None:
    if not peak or not result.arithmetic or times.whole_s <= 0:
        return None
    return result.arithmetic / times.whole_s / peak
