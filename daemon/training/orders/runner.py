"""Takes an order one unit of work further, or ends it: what all kinds of orders have in common.

All it goes on from is on the disk: it may die at any instant, and loses at most the unit in
progress.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from daemon.core import messages as say
from daemon.errors import ModelFault, RunFault
from daemon.evaluation.scoring_session import NotingProgress
from daemon.folders.models.known_scores import KnownScores
from daemon.folders.orders import orders
from daemon.layout import OrderLayout
from daemon.settings import Settings
from daemon.training.context import TrainerContext
from daemon.training.mailbox import OrderMailbox
from daemon.training.progress_notes import ProgressNotes

STARTS = 3
"""A unit that was begun so often and got no further is what kills the trainer."""

OUT_OF_MEMORY = "it ran out of memory"


Cause = Literal["deaths", "memory", "fault"]
"""Of a unit that cannot be done."""


@dataclass(frozen=True)
class UnitDone:
    """The outcome of a unit, in an order that goes on."""

    message: str
    write: Callable[[], None]


@dataclass(frozen=True)
class OrderEnd:
    """The outcome of an order."""

    outcome: str
    message: str
    found: Any = None
    """What the reports are written from, as the kind of the order has it."""


@dataclass(frozen=True)
class OrderUnit:
    """What is done between two requests of the supervisor."""

    number: int
    of: int
    doing: str | None
    """In words; None where the work announces itself, once it knows its steps."""
    steps: int
    do: Callable[[], UnitDone | OrderEnd | None]
    """Returns None where the unit was left before its end."""
    fail: Callable[[Cause, str], UnitDone | OrderEnd]
    """Returns the outcome of a unit that cannot be done, for a cause and the reason in words."""
    counted_as: int | None = None
    """What its starts are counted by instead of its number, where it gets on by itself."""


class OrderWork(Protocol):
    """What one kind of orders does. Nothing is written but by the outcomes that it returns."""

    settings: Settings
    """Those that were in force when it was ordered."""
    skipped: str
    """The message of an order that ends on request."""

    def next_unit(self) -> OrderUnit | OrderEnd:
        """Return what is to be done next."""

    def finish(self, end: OrderEnd) -> dict[str, Any]:
        """Write the reports, and return the result; it has a `message`."""

    def clean_up(self, result: dict[str, Any]) -> None:
        """Remove what only the work needed, once the result is written; may be called twice."""


class Attendance:
    """Looks into the mailbox of an order between two pieces of its work."""

    def __init__(self, context: TrainerContext, mailbox: OrderMailbox, order: str) -> None:
        self.mailbox = mailbox
        self._order = order
        self._clock = context.clock
        self._notes = ProgressNotes(context.pipe, context.clock)
        self.waited_s = 0.0
        """In pauses."""

    def attend(self, doing: str | None = None) -> bool:
        """Wait while paused; return whether the unit is to be left. `doing` is a sign of life."""
        began_s = self._clock.monotonic_s()
        if doing is not None:
            self._notes.send(doing)
        left = self.mailbox.attend(self._order)
        self.waited_s += self._clock.monotonic_s() - began_s
        return left


def score_cache(context: TrainerContext, place: OrderLayout) -> NotingProgress:
    """Return the known scores; what is added counts as progress of the unit."""
    return NotingProgress(KnownScores(context.layout), partial(orders.note_progress, place))


class OrderRunner:
    """One request for the next unit of an order."""

    def __init__(
        self, context: TrainerContext, mailbox: OrderMailbox, order: str, work: OrderWork
    ) -> None:
        self._context = context
        self._mailbox = mailbox
        self._order = order
        self._work = work
        self._place = context.layout.order(order)

    @property
    def settings(self) -> Settings:
        """Those that were in force when it was ordered."""
        return self._work.settings

    def go_on(self) -> None:
        """Do the next unit, or write the result, and report it."""
        result = orders.read_result(self._place)
        if result is not None:
            # The trainer died before it could be heard.
            self._report_end(result)
            return
        if self._place.skip.exists():
            self._settle(None, OrderEnd("skipped", self._work.skipped))
            return
        found = self._work.next_unit()
        if isinstance(found, OrderUnit):
            self._run(found)
        else:
            self._settle(None, found)

    def _run(self, unit: OrderUnit) -> None:
        counted_as = unit.number if unit.counted_as is None else unit.counted_as
        starts = orders.begin_unit(self._place, counted_as)
        if unit.doing is not None:
            begun = say.UnitBegun(self._order, unit.number, unit.of, unit.doing, unit.steps)
            self._context.pipe.send(begun)
        if starts >= STARTS:
            self._settle(unit, unit.fail("deaths", f"the trainer died {starts} times on it"))
        else:
            self._settle(unit, self._try(unit))

    def _try(self, unit: OrderUnit) -> UnitDone | OrderEnd | None:
        try:
            return unit.do()
        except (ModelFault, RunFault) as fault:
            return unit.fail("fault", fault.message)
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            return unit.fail("memory", OUT_OF_MEMORY)

    def _settle(self, unit: OrderUnit | None, outcome: UnitDone | OrderEnd | None) -> None:
        """Write what came out, unless another trainer may be at the order already."""
        if not self._context.parent_lives():
            self._mailbox.stop()
            return
        if isinstance(outcome, OrderEnd):
            result = self._work.finish(outcome)
            orders.end(self._place, result)
            self._report_end(result)
            return
        if outcome is not None:
            outcome.write()
        orders.leave_unit(self._place)
        if outcome is not None and unit is not None:
            self._context.pipe.send(say.UnitEnded(self._order, unit.number, outcome.message))

    def _report_end(self, result: dict[str, Any]) -> None:
        self._work.clean_up(result)
        orders.leave_unit(self._place)
        self._context.pipe.send(say.OrderEnded(self._order, result["message"]))
