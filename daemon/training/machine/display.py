"""Long work on a Mac's GPU while a display is on: rest in between, and smaller parts of work.

macOS ends work that keeps the screen waiting ("ImpactingInteractivity"), and a Mac was reported to
restart by it (mlx 3267). What helps besides the variable in `daemon.model.backend`: a moment for
the screen between two passes, and fewer operations handed to Metal at once. Untested on hardware.
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
"""Operations that MLX hands to Metal at once; read as it opens the device."""

USUAL_OPS = 40
"""What MLX takes on most chips by itself."""

LEAST_OPS = 5
KEY = ("metal", "display")
WORKED = "ops_per_buffer"

LOOK_EVERY_S = 5.0
LONGEST_REST_S = 1.0


class DisplayRest:
    """How long to leave the GPU to the screen between two passes."""

    def __init__(
        self, share: float, clock: Clock, look: Callable[[], bool | None] = display_is_on
    ) -> None:
        """`share` of the time is rested while a display is on; where that is not told, none."""
        self._share = share
        self._clock = clock
        self._look = look
        self._on = False
        self._looked_s: float | None = None
        self._since_s = clock.monotonic_s()

    def begin(self) -> None:
        """Count the next pass from here on."""
        self._since_s = self._clock.monotonic_s()

    def rest_s(self) -> float:
        """Return the seconds to rest after the pass that has just ended."""
        now_s = self._clock.monotonic_s()
        pass_s, self._since_s = now_s - self._since_s, now_s
        if self._share == 0.0:
            return 0.0
        if self._looked_s is None or now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s, self._on = now_s, self._look() is True
        rest = pass_s * self._share / (1.0 - self._share)
        return min(LONGEST_REST_S, rest) if self._on else 0.0


def limit_metal_ops(layout: Layout, environment: MutableMapping[str, str]) -> None:
    """Have MLX hand as much to Metal as went well on this machine; before MLX is loaded.

    A value that the user has set stays.
    """
    worked, _ = machine.read_worked(layout, *KEY)
    if ops := worked.get(WORKED):
        environment.setdefault(OPS, str(ops))


def note_watchdog(
    layout: Layout, environment: MutableMapping[str, str], error: BaseException, pipe: Pipe
) -> None:
    """Remember that work was ended for the display's sake: the next trainer hands over half."""
    if not speaks_of_display(f"{error}"):
        return
    known = environment.get(OPS, "")
    fewer = max(LEAST_OPS, (int(known) if known.isdecimal() else USUAL_OPS) // 2)
    try:
        machine.remember_worked(layout, *KEY, {WORKED: fewer})
    except OSError as lost:
        pipe.send(say.Alerted("display_watchdog", f"models/machine.json cannot be written: {lost}"))
    message = (
        "macOS ended work on the GPU that kept the display waiting; the next trainer hands over "
        f"{fewer} operations at once ({OPS}). Let the display sleep ('pmset displaysleepnow') if "
        "it comes again"
    )
    pipe.send(say.Alerted("display_watchdog", message))
