"""Leaves a Mac's GPU to the display now and then: rests between passes, smaller command buffers.

macOS kills GPU work that keeps the screen waiting ("ImpactingInteractivity"), and a Mac was
reported to restart because of it (mlx 3267). What helps besides the variable in
`daemon.model.backend`: a moment for the screen between two passes, and fewer operations in one
Metal command buffer. Untested on hardware.
"""

from collections.abc import Callable, MutableMapping

from daemon.clock import Clock
from daemon.core import messages as say
from daemon.core.decisions.deaths import speaks_of_display
from daemon.folders.models import machine
from daemon.layout import Layout
from daemon.pipes import Pipe
from daemon.system.display import display_is_on

OPS = "MLX_MAX_OPS_PER_BUFFER"
"""Operations that MLX puts into one Metal command buffer; read when it opens the device."""

USUAL_OPS = 40
"""MLX's own default on most chips."""

LEAST_OPS = 5
KEY = ("metal", "display")
WORKED = "ops_per_buffer"

POLL_EVERY_S = 5.0
LONGEST_REST_S = 1.0


class DisplayRest:
    """How long to leave the GPU to the screen between two passes."""

    def __init__(
        self, share: float, clock: Clock, is_on: Callable[[], bool | None] = display_is_on
    ) -> None:
        """Rests take `share` of the time while a display is on, none if that is unknown."""
        self._share = share
        self._clock = clock
        self._is_on = is_on
        self._on = False
        self._polled_s: float | None = None
        self._since_s = clock.monotonic_s()

    def begin(self) -> None:
        """Start timing the next pass."""
        self._since_s = self._clock.monotonic_s()

    def rest_s(self) -> float:
        """Return the seconds to rest after the pass that has just ended."""
        now_s = self._clock.monotonic_s()
        pass_s, self._since_s = now_s - self._since_s, now_s
        if self._share == 0.0:
            return 0.0
        if self._polled_s is None or now_s - self._polled_s >= POLL_EVERY_S:
            self._polled_s, self._on = now_s, self._is_on() is True
        rest = pass_s * self._share / (1.0 - self._share)
        return min(LONGEST_REST_S, rest) if self._on else 0.0


def limit_metal_ops(layout: Layout, environment: MutableMapping[str, str]) -> None:
    """Limit command buffers to what worked on this machine; must run before MLX is loaded.

    A value that the user has set stays.
    """
    worked, _ = machine.read_worked(layout, *KEY)
    if ops := worked.get(WORKED):
        environment.setdefault(OPS, str(ops))


def note_watchdog(
    layout: Layout, environment: MutableMapping[str, str], error: BaseException, pipe: Pipe
) -> None:
    """Halve the command buffers of the next trainer if macOS killed work for the display."""
    if not speaks_of_display(f"{error}"):
        return
    known = environment.get(OPS, "")
    fewer = max(LEAST_OPS, (int(known) if known.isdecimal() else USUAL_OPS) // 2)
    try:
        machine.remember_worked(layout, *KEY, {WORKED: fewer})
    except OSError as lost:
        pipe.send(say.Alerted("display_watchdog", f"models/machine.json cannot be written: {lost}"))
    message = (
        "macOS killed work on the GPU that kept the display waiting; the next trainer submits "
        f"{fewer} operations at once ({OPS}). If it happens again let the display sleep ('pmset "
        "displaysleepnow')"
    )
    pipe.send(say.Alerted("display_watchdog", message))
