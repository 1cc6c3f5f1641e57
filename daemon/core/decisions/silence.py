"""Measures how long a worker has not reported, and decides when that means that it hangs.

The time between two polls counts only up to the usual interval: a machine that slept in between
has not observed any silence.
"""

from dataclasses import dataclass, replace

POLL_S = 10.0
"""Two polls are never this far apart while the machine is awake."""

RECENT_STEPS = 16
STEPS_LONG = 10.0
"""A worker may be silent for as long as this many of its longest recent steps."""


@dataclass(frozen=True)
class Silence:
    """How long one worker has been silent, and how long its recent steps took."""

    seconds: float = 0.0
    """Seconds since its last report."""
    steps: tuple[float, ...] = ()
    """Seconds that its recent steps took."""

    def after_poll(self, passed_s: float) -> "Silence":
        """Return the silence after a poll that received nothing."""
        return replace(self, seconds=self.seconds + min(max(0.0, passed_s), POLL_S))

    def after_report(self, passed_s: float, step: bool) -> "Silence":
        """Return the silence after a report; `step` where it reported a finished step."""
        took_s = self.after_poll(passed_s).seconds
        return Silence(0.0, (*self.steps, took_s)[-RECENT_STEPS:] if step else self.steps)

    @property
    def step_s(self) -> float:
        """The longest of the recent steps, in seconds; 0 before the first."""
        return max(self.steps, default=0.0)


def silence_limit_s(at_least_s: float, step_s: float) -> float:
    """Return the seconds of silence after which a worker with such steps hangs."""
    return max(at_least_s, STEPS_LONG * step_s)
