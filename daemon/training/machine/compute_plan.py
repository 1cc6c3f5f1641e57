"""Chooses row length, pass size and checkpointing for a run, from past runs, timing and memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypedDict

from daemon.core import messages as say
from daemon.core.records import JsonObject, from_json_value, to_json_value
from daemon.core.training.fallback import Fallback, describe, next_fallback
from daemon.core.training.memory_plan import MemoryPlan
from daemon.core.training.packing import RowShapes
from daemon.core.training.row_layout import RowCosts, RowLayout, alone_share, layout_for
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault
from daemon.settings import TrainingSettings
from daemon.training.context import TrainerContext
from daemon.training.data.rows import JobRows
from daemon.training.engine.protocol import Engine, StepShape
from daemon.training.machine.facts import WorkedFacts, recall, remember
from daemon.training.records.choices import Choices, Request

GIB = 2**30
MOST_TRIES = 3
"""After so many inconclusive measurements of the best row length none is tried again."""

TRIES: Final = "row_tokens_tries"

TOO_LITTLE_MEMORY = "too_little_memory"


class PlanChoices(TypedDict):
    """The fields of a run's choices that say how its steps are computed."""

    row_tokens: int
    longest: int
    fallback: Fallback
    estimate: Mapping[str, int] | None
    memory: MemoryPlan | None
    row_layout: RowLayout


@dataclass(frozen=True)
class ComputePlan:
    """How steps are computed."""

    row_tokens: int
    """Tokens of a packed row."""
    longest: int
    """Tokens of the longest text."""
    fallback: Fallback
    memory: MemoryPlan | None
    """None if the memory of a step cannot be estimated."""
    row_layout: RowLayout = "packed"

    def as_choices(self) -> "PlanChoices":
        """Return the fields that a run's choices store."""
        return {
            "row_tokens": self.row_tokens,
            "longest": self.longest,
            "fallback": self.fallback,
            "estimate": self.estimate,
            "memory": self.memory,
            "row_layout": self.row_layout,
        }

    @property
    def estimate(self) -> Mapping[str, int] | None:
        """Bytes a step is expected to take, by kind."""
        return None if self.memory is None else self.memory.need.as_record()


def choose_compute_plan(
    context: TrainerContext, request: Request, rows: JobRows, base: Path
) -> ComputePlan:
    """Return how the steps of a run are computed.

    Raises:
        ModelFault: no step of this model fits into the memory, whatever the fallback.
    """
    training = request.settings.training
    worked = recall(context, request.base)
    usual_row, usual_pass = context.engine.usual_tokens
    row_tokens = training.row_tokens or worked.get("row_tokens")
    if row_tokens is None:
        row_tokens = _measure(context, request, base, worked) or usual_row
    usual_pass = max(usual_pass, row_tokens)
    first = Fallback(
        at=0,
        pass_tokens=training.pass_tokens
        or worked.get("pass_tokens")
        or max(usual_pass, row_tokens),
        checkpoint=training.grad_checkpoint or bool(worked.get("checkpoint")),
        rate_share=request.rate_share,
    )
    lengths = [int(length) for job in request.jobs for length in rows.train(job).tokens]
    shape = _fitting(context, request, base, first, row_tokens, max(lengths, default=1))
    layout = training.row_layout or _faster_layout(context, request, base, shape, lengths)
    return replace(shape, row_layout=layout)


def _faster_layout(
    context: TrainerContext,
    request: Request,
    base: Path,
    shape: ComputePlan,
    lengths: Sequence[int],
) -> RowLayout:
    known = recall(context, request.base).get("row_costs")
    costs = None if known is None else from_json_value(known, RowCosts)
    if costs is None or costs.row_tokens != shape.row_tokens:
        costs = context.engine.row_costs(base, shape.row_tokens)
        if costs is None:
            return "packed"
        remember(context, request.base, {"row_costs": to_json_value(costs)})
    shapes = RowShapes(shape.row_tokens, shape.fallback.pass_tokens, few=True)
    share = alone_share(costs, lengths, request.settings.training.batch_rows, shapes)
    message = f"with these files one text a row takes {share:.2f} of the time of packed rows"
    context.pipe.send(say.Noted("row_layout_measured", message))
    return layout_for(share)


def _measure(
    context: TrainerContext, request: Request, base: Path, worked: WorkedFacts
) -> int | None:
    tries = worked.get(TRIES, 0)
    if tries >= MOST_TRIES:
        return None
    found = context.engine.best_row_tokens(base)
    if found is None:
        remember(context, request.base, {TRIES: tries + 1})
    else:
        remember(context, request.base, {"row_tokens": found})
        message = f"packed rows of {found} tokens train fastest on this machine"
        context.pipe.send(say.Noted("row_tokens_measured", message))
    return found


def _fitting(
    context: TrainerContext,
    request: Request,
    base: Path,
    first: Fallback,
    row_tokens: int,
    longest: int,
) -> ComputePlan:
    """Take fallbacks before the first step until the estimate fits into the available memory."""
    fallback, optimizer = first, request.settings.training.optimizer
    while True:
        step_shape = _step_shape(fallback, row_tokens, longest, optimizer)
        found = context.engine.estimate(base, request.adapter, step_shape)
        if found is None:
            return ComputePlan(row_tokens, longest, fallback, None)
        need, available = found
        if need.total <= available:
            if fallback != first:
                message = f"{request.run} is computed with {describe(fallback)} to fit into memory"
                context.pipe.send(say.Alerted("memory_is_short", message))
            plan = MemoryPlan.fit(need, available, _most_passes(context.engine, step_shape))
            return ComputePlan(row_tokens, longest, fallback, plan)
        lower = next_fallback(fallback, longest, 0, "a step was estimated not to fit into memory")
        if lower is None:
            raise ModelFault(
                TOO_LITTLE_MEMORY,
                f"a step takes about {need.total / GIB:.1f} GiB and {available / GIB:.1f} are "
                "available: choose a smaller or 4-bit model, or fewer training.num_layers",
            )
        fallback = lower


def _step_shape(fallback: Fallback, row_tokens: int, longest: int, optimizer: str) -> StepShape:
    packed = min(row_tokens, fallback.pass_tokens)
    width = max(packed, min(longest, fallback.max_row_tokens or longest))
    return StepShape(fallback.pass_tokens, width, fallback.checkpoint, optimizer)


def _most_passes(engine: Engine, step_shape: StepShape) -> int:
    # Checkpointing is there to save memory: two passes at once would use it up again.
    return 1 if step_shape.checkpoint else engine.most_passes


def memory_of_run(
    engine: Engine, base: Path, request: Request, choices: Choices, fallback: Fallback
) -> MemoryPlan | None:
    """Return the memory plan of a run: the frozen one, or a smaller one after a fallback.

    Runs of releases without a plan get one here.
    """
    planned = choices.memory
    if planned is not None and worked_with(fallback) == worked_with(choices.fallback):
        return planned
    optimizer = request.settings.training.optimizer
    step_shape = _step_shape(fallback, choices.row_tokens, choices.longest, optimizer)
    plan = _plan(engine, base, request.adapter, step_shape)
    if plan is None or planned is None:
        return plan
    # Smaller passes are there to save memory: more of them at once would use it up again.
    return replace(plan, passes=min(plan.passes, planned.passes))


def inference_memory(
    engine: Engine, base: Path, spec: AdapterSpec, training: TrainingSettings
) -> MemoryPlan | None:
    """Return the memory plan of a model loaded for inference: that of training the same model."""
    assert training.row_tokens and training.pass_tokens, "the settings say how it is scored"
    fallback = Fallback(0, training.pass_tokens, training.grad_checkpoint)
    step_shape = _step_shape(fallback, training.row_tokens, training.row_tokens, training.optimizer)
    return _plan(engine, base, spec, step_shape)


def _plan(
    engine: Engine, base: Path, spec: AdapterSpec, step_shape: StepShape
) -> MemoryPlan | None:
    found = engine.estimate(base, spec, step_shape)
    return None if found is None else MemoryPlan.fit(*found, _most_passes(engine, step_shape))


def worked_with(fallback: Fallback) -> JsonObject:
    """Return what to remember of a fallback with which a run has finished.

    Its longest row is left out: one shortage would drop long rows from every later run. The next
    run tries them again, and falls back if they still do not fit.
    """
    return {"pass_tokens": fallback.pass_tokens, "checkpoint": fallback.checkpoint}
