"""The learning-rate schedule: the rate of each step."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Schedule:
    """How the learning rate changes over a lineage of runs."""

    peak: float
    warmup_steps: int
    rewarm_steps: int
    decay_share: float
    decay_floor: float
    """Share of the peak at a run's last step."""
    carry: Literal["keep", "decay", "reset"] = "keep"
    """A later run begins at the peak, rises back to it for a while, or warms up again."""


def rate(schedule: Schedule, step: int, step_in_run: int, steps_of_run: int) -> float:
    """Return the rate of a step; both step numbers count from 1 and include it.

    Where warm-up and decay overlap in a tiny run, the lower rate holds.
    """
    share = min(
        _warmup(schedule, step, step_in_run),
        _rewarm(schedule, step - step_in_run, step_in_run),
        _decay(schedule, step_in_run, steps_of_run),
    )
    return schedule.peak * share


def _warmup(schedule: Schedule, step: int, step_in_run: int) -> float:
    if schedule.carry == "reset":
        step = step_in_run
    if step >= schedule.warmup_steps:
        return 1.0
    return step / schedule.warmup_steps


def _rewarm(schedule: Schedule, start_step: int, step_in_run: int) -> float:
    if schedule.carry != "decay" or start_step == 0 or step_in_run >= schedule.rewarm_steps:
        return 1.0
    floor = schedule.decay_floor
    return floor + (1.0 - floor) * step_in_run / schedule.rewarm_steps


def _decay(schedule: Schedule, step_in_run: int, steps_of_run: int) -> float:
    """Decay over whole steps only: a run too short for one keeps its rate."""
    falling = int(schedule.decay_share * steps_of_run + 1e-9)
    left = steps_of_run - step_in_run
    if left >= falling:
        return 1.0
    return 1.0 - (1.0 - schedule.decay_floor) * (falling - left) / falling
