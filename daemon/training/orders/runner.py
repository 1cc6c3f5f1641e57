"""Runs the next unit of an order or ends the order; shared by all kinds of orders.

All state is on disk: the trainer may be killed at any instant, and loses at most the unit in
progress.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

from daemon.core import messages as say
from daemon.core.evaluation.results import OrderResult
from daemon.core.records import NewerRecord
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
"""A unit started this often without progress is given up: it kills the trainer."""

OUT_OF_MEMORY = "it ran out of memory"

Cause = Literal["deaths", "memory", "fault"]
"""Why a unit failed."""


@dataclass(frozen=True)
class UnitDone:
    """The outcome of a unit of an order that continues."""

    message: str
    write: Callable[[], None]


@dataclass(frozen=True)
class OrderEnd:
    """The outcome of an order."""

    outcome: str
    message: str
    found: Any = None
    """The data for the reports, whose type depends on the kind of order."""


@dataclass(frozen=True)
class OrderUnit:
    """The work for one request of the supervisor."""

    number: int
    units: int
    doing: str | None
    """A description for the status; None if the work reports itself once it knows its steps."""
    steps: int
    do: Callable[[], UnitDone | OrderEnd | None]
    """Does the unit; returns None if it was left unfinished."""
    fail: Callable[[Cause, str], UnitDone | OrderEnd]
    """Returns the outcome of a unit that cannot be done, given the cause and a sentence."""
    counted_as: int | None = None
    """The number under which starts are counted, for a unit with its own checkpoints."""


class OrderWork(Protocol):
    """The work of one kind of order. It writes an outcome only when the runner calls for it."""

    settings: Settings
    """The settings in force when the order was placed."""
    skipped: str
    """The message of an order that the user ended early."""

    def next_unit(self) -> OrderUnit | OrderEnd:
        """Return what to do next."""

    def finish(self, end: OrderEnd) -> OrderResult:
        """Write the reports; return the result, which has a `message`."""

    def clean_up(self, result: OrderResult) -> None:
        """Remove what is no longer needed once there is a result; may be called twice."""


class Attendance:
    """Polls for orders between two steps of a unit, and reports signs of life."""

    def __init__(self, context: TrainerContext, mailbox: OrderMailbox, order: str) -> None:
        self.mailbox = mailbox
        self._order = order
        self._clock = context.clock
        self._notes = ProgressNotes(context.pipe, context.clock)
        self.waited_s = 0.0
        """Time spent in pauses."""

    def attend(self, doing: str | None = None) -> bool:
        """Wait while paused; return whether to leave the unit. `doing` is reported now and then."""
        began_s = self._clock.monotonic_s()
        if doing is not None:
            self._notes.send(doing)
        left = self.mailbox.attend(self._order)
        self.waited_s += self._clock.monotonic_s() - began_s
        return left


def score_cache(context: TrainerContext, place: OrderLayout) -> NotingProgress:
    """Return the cache of scores; a new score counts as progress of the unit."""
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
        """The settings in force when the order was placed."""
        return self._work.settings

    def go_on(self) -> None:
        """Do the next unit, or write the result, and report it."""
        result = orders.read_result(self._place, OrderResult)
        if result is not None:
            # The trainer died before it could report it.
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
            begun = say.UnitBegun(self._order, unit.number, unit.units, unit.doing, unit.steps)
            self._context.pipe.send(begun)
        if starts >= STARTS:
            self._settle(unit, unit.fail("deaths", f"the trainer died {starts} times on it"))
        else:
            self._settle(unit, self._try(unit))

    def _try(self, unit: OrderUnit) -> UnitDone | OrderEnd | None:
        try:
            return unit.do()
        except (ModelFault, NewerRecord, RunFault) as fault:
            return unit.fail("fault", fault.message)
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            return unit.fail("memory", OUT_OF_MEMORY)

    def _settle(self, unit: OrderUnit | None, outcome: UnitDone | OrderEnd | None) -> None:
        """Write an outcome, unless another trainer may be working on the order already."""
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

    def _report_end(self, result: OrderResult) -> None:
        self._work.clean_up(result)
        orders.leave_unit(self._place)
        self._context.pipe.send(say.OrderEnded(self._order, result["message"]))
