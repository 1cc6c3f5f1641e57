"""What every order has in common: deaths are counted, wishes heard, outcomes written once."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.results import OrderResult
from daemon.core.messages import Order
from daemon.core.workspace.orders import SWEEP, Header
from daemon.errors import ModelFault
from daemon.folders.orders import orders
from daemon.layout import Layout, OrderLayout
from daemon.settings import Settings
from daemon.training.context import TrainerContext
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.mailbox import OrderMailbox
from daemon.training.orders.runner import (
    Attendance,
    Cause,
    OrderEnd,
    OrderRunner,
    OrderUnit,
    UnitDone,
)
from tests.clocks import StillClock
from tests.orders import result_of
from tests.training.workspace import ScriptedPipe

ORDER = "s000001"
Do = Callable[[], UnitDone | OrderEnd | None]


class Letters:
    """Work of two units, each of which leaves a file."""

    skipped = "it is skipped"

    def __init__(self, place: OrderLayout, do: Do | None = None) -> None:
        self.settings = Settings()
        self._place = place
        self._do = do
        self.cleaned = 0

    def next_unit(self) -> OrderUnit | OrderEnd:
        left = [name for name in ("a", "b") if not (self._place.folder / name).exists()]
        if not left:
            return OrderEnd("finished", "it is finished")
        done = self.done(left[0], "written")
        do: Do = self._do or (lambda: done)
        number = 3 - len(left)
        return OrderUnit(number, 2, f"writes {left[0]}", 0, do, partial(self._fail, left[0]))

    def clean_up(self, result: OrderResult) -> None:
        self.cleaned += 1

    def done(self, name: str, text: str) -> UnitDone:
        return UnitDone(f"{name} is {text}", partial(self._write, name, text))

    def _write(self, name: str, text: str) -> None:
        (self._place.folder / name).write_text(text)

    def _fail(self, name: str, cause: Cause, why: str) -> UnitDone:
        return self.done(name, f"{cause}: {why}")

    def finish(self, end: OrderEnd) -> OrderResult:
        return {"outcome": end.outcome, "message": end.message}


class Trainers:
    """One trainer after another at the same order."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        name = orders.create(self.layout, SWEEP, Header("", "now", "letters"), lambda *_: None)
        assert name == ORDER
        self.place = self.layout.order(ORDER)
        self.clock = StillClock()

    def _resume(self, report: say.Report) -> Sequence[Order]:
        if not isinstance(report, say.Paused):
            return ()
        self.clock.pass_s(60.0)
        return [say.Resume()]

    def go_on(
        self,
        do: Callable[[Attendance], UnitDone | OrderEnd | None] | None = None,
        *given: Order,
        parent: bool = True,
    ) -> tuple[list[say.Report], OrderMailbox]:
        """Let a trainer do a unit; return what it reported, and its mailbox."""
        pipe = ScriptedPipe(given, self._resume)
        engine = RehearsalEngine(SystemClock(), 0.0)
        context = TrainerContext(self.layout, engine, pipe, self.clock, lambda: parent)
        mailbox = OrderMailbox(pipe)
        attendance = Attendance(context, mailbox, ORDER)
        self.work = Letters(self.place, None if do is None else partial(do, attendance))
        OrderRunner(context, mailbox, ORDER, self.work).go_on()
        return pipe.sent, mailbox

    def files(self) -> list[str]:
        return sorted(path.name for path in self.place.folder.iterdir())


@pytest.fixture
def trainers(tmp_path: Path) -> Trainers:
    return Trainers(tmp_path)


def kinds(sent: Sequence[say.Report]) -> list[str]:
    return [type(report).__name__ for report in sent]


def die(_: Attendance) -> None:
    raise RuntimeError("killed")


def test_an_order_goes_on_unit_by_unit_to_its_result(trainers: Trainers) -> None:
    for letter in ("a", "b"):
        sent, _ = trainers.go_on()
        assert kinds(sent) == ["UnitBegun", "UnitEnded"]
        assert trainers.files() == sorted(
            ["order.json", *(one for one in ("a", "b") if one <= letter)]
        )
    sent, _ = trainers.go_on()
    assert sent == [say.OrderEnded(ORDER, "it is finished")]
    assert trainers.files() == ["a", "b", "order.json", "result.json"]


def test_a_unit_that_killed_three_trainers_is_given_up_with_the_reason(trainers: Trainers) -> None:
    """Each kind of order counted for itself."""
    for _ in range(3):
        with pytest.raises(RuntimeError):
            trainers.go_on(die)
        assert "a" not in trainers.files()
    sent, _ = trainers.go_on(die)
    assert isinstance(sent[-1], say.UnitEnded)
    assert (trainers.place.folder / "a").read_text() == "deaths: the trainer died 3 times on it"
    # The next one begins to count from zero.
    with pytest.raises(RuntimeError):
        trainers.go_on(die)


def test_a_unit_that_gets_on_between_its_deaths_is_not_given_up(trainers: Trainers) -> None:
    """Hours of answers that are remembered are no reason to give up the rest."""

    def get_on_and_die(_: Attendance) -> None:
        orders.note_progress(trainers.place)
        raise RuntimeError("killed")

    for _ in range(5):
        with pytest.raises(RuntimeError):
            trainers.go_on(get_on_and_die)
    trainers.go_on()
    assert (trainers.place.folder / "a").read_text() == "written"


@pytest.mark.parametrize(("wish", "how"), [(say.Stop(), "stop"), (say.Abandon(), "abandon")])
def test_a_unit_that_is_left_in_the_middle_writes_nothing_and_begins_again(
    trainers: Trainers, wish: Order, how: str
) -> None:
    def do(attendance: Attendance) -> UnitDone | None:
        return None if attendance.attend("writing") else trainers.work.done("a", "written")

    sent, mailbox = trainers.go_on(do, wish)
    assert mailbox.leaving == how
    assert kinds(sent) == ["UnitBegun", "Alive"]
    assert trainers.files() == ["order.json"]
    trainers.go_on(do)
    assert trainers.files() == ["a", "order.json"]


def test_a_pause_holds_the_unit_and_is_no_time_of_it(trainers: Trainers) -> None:
    def do(attendance: Attendance) -> UnitDone:
        assert not attendance.attend() and attendance.waited_s == 60.0
        return trainers.work.done("a", "written")

    sent, _ = trainers.go_on(do, say.Pause())
    assert kinds(sent) == ["UnitBegun", "Paused", "UnitEnded"]


def test_a_skipped_order_ends_with_what_it_has(trainers: Trainers) -> None:
    trainers.go_on()
    orders.Orders(trainers.layout).skip(ORDER)
    sent, _ = trainers.go_on(die)
    assert sent == [say.OrderEnded(ORDER, "it is skipped")]
    found = result_of(trainers.place)
    assert found is not None and found["outcome"] == "skipped" and "b" not in trainers.files()


def test_an_orphan_writes_nothing_because_another_trainer_may_be_at_the_order(
    trainers: Trainers,
) -> None:
    """Neither the outcome of a unit nor the result."""
    sent, mailbox = trainers.go_on(parent=False)
    assert (mailbox.leaving, kinds(sent)) == ("stop", ["UnitBegun"])
    assert trainers.files() == ["order.json", "piece.json"]
    orders.Orders(trainers.layout).skip(ORDER)
    sent, mailbox = trainers.go_on(parent=False)
    assert (mailbox.leaving, sent) == ("stop", [])
    assert result_of(trainers.place) is None


def test_a_result_that_nobody_heard_of_is_reported_again_and_its_remains_removed(
    trainers: Trainers,
) -> None:
    """A trainer that died after it had written the result left the rows of a sweep for ever."""
    orders.end(trainers.place, {"outcome": "finished", "message": "it was written"})
    sent, _ = trainers.go_on(die)
    assert sent == [say.OrderEnded(ORDER, "it was written")]
    assert trainers.work.cleaned == 1


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ModelFault("model_damaged", "it is damaged"), "fault: it is damaged"),
        (MemoryError("too much"), "memory: it ran out of memory"),
    ],
)
def test_what_cannot_be_done_fails_by_itself(
    trainers: Trainers, error: Exception, why: str
) -> None:
    def do(_: Attendance) -> None:
        raise error

    sent, _ = trainers.go_on(do)
    assert isinstance(sent[-1], say.UnitEnded)
    assert (trainers.place.folder / "a").read_text() == why
