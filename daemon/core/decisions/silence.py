"""How long a worker has said nothing, and when that means that it hangs; knows no clock.

Counted by somebody who looks now and then: what lies between two looks counts only as far as he
can have been awake, so a machine that slept has heard no silence.
"""

from dataclasses import dataclass, replace

LOOK_S = 10.0
"""Two looks are never so far apart while the machine is awake."""

STEPS_KEPT = 16
STEPS_LONG = 10.0
"""A worker may be silent for so many of its longest recent steps."""


@dataclass(frozen=True)
class Silence:
    """What is known of one worker's words."""

    seconds: float = 0.0
    """Since its last word."""
    steps: tuple[float, ...] = ()
    """Seconds that its last steps took."""

    def looked(self, passed_s: float) -> "Silence":
        """Return the silence after a look at which nothing was heard."""
        return replace(self, seconds=self.seconds + min(max(0.0, passed_s), LOOK_S))

    def heard(self, passed_s: float, step: bool) -> "Silence":
        """Return the silence after a word; `step` where it said that a step is done."""
        took_s = self.looked(passed_s).seconds
        return Silence(0.0, (*self.steps, took_s)[-STEPS_KEPT:] if step else self.steps)

    @property
    def step_s(self) -> float:
        """The longest of the last steps, in seconds; 0 before there was one."""
        return max(self.steps, default=0.0)


def silence_limit_s(at_least_s: float, step_s: float) -> float:
    """Return the seconds of silence after which a worker with such steps counts as hung."""
    return max(at_least_s, STEPS_LONG * step_s)
