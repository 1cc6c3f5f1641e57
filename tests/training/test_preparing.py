"""A base model that takes long to make ready: the trainer tells how far it is, and hears orders."""

from collections.abc import Sequence
from pathlib import Path

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.messages import Order, Report
from daemon.core.workspace.bases import BaseFacts
from daemon.layout import Layout
from daemon.model.interruption import Attend, Interrupted, unattended
from daemon.training.context import TrainerContext
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.worker import Trainer
from tests.clocks import StillClock
from tests.training.workspace import ScriptedPipe


class Downloading(RehearsalEngine):
    """One whose base model comes in pieces."""

    pieces = 1000

    def prepare(self, layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
        for piece in range(self.pieces):
            if attend(f"weights, {piece} of {self.pieces}"):
                raise Interrupted
        return super().prepare(layout, model)


def prepared_with(root: Path, pieces: int, *orders: Order) -> ScriptedPipe:
    """Let a trainer prepare; the orders come once it has told what it does."""
    waiting = list(orders)

    def react(report: Report) -> Sequence[Order]:
        found = waiting[:] if isinstance(report, say.Alive) else []
        del waiting[: len(found)]
        return found

    engine = Downloading(StillClock(), 0.0)
    engine.pieces = pieces
    pipe = ScriptedPipe([say.Prepare("tiny")], react)
    Trainer(TrainerContext(Layout(root), engine, pipe, SystemClock(), lambda: True), 1).serve()
    return pipe


def test_a_base_that_is_made_ready_is_told_of_and_then_ready(tmp_path: Path) -> None:
    """A long download said nothing: after ten minutes its trainer was ended as dead."""
    pipe = prepared_with(tmp_path, 3)
    assert pipe.kinds()[:2] == ["Ready", "Prepared"]
    assert [r.doing for r in pipe.sent if isinstance(r, say.Alive)] == ["weights, 0 of 3"]


def test_a_trainer_that_makes_a_base_ready_stops_when_it_is_told_to(tmp_path: Path) -> None:
    """Orders were not looked at while a base was made ready: the trainer had to be killed."""
    assert prepared_with(tmp_path, 1000, say.Stop()).kinds() == ["Ready"]


def test_a_preparation_that_is_abandoned_leaves_the_trainer_warm(tmp_path: Path) -> None:
    pipe = prepared_with(tmp_path, 1000, say.Abandon())
    assert pipe.sent[-1] == say.Abandoned("prepare")


def test_a_preparation_is_paused_and_goes_on(tmp_path: Path) -> None:
    pipe = prepared_with(tmp_path, 3, say.Pause(), say.Resume())
    assert pipe.kinds()[:2] == ["Ready", "Prepared"]
    pipe = prepared_with(tmp_path / "paused", 3, say.Pause())
    assert pipe.kinds()[:2] == ["Ready", "Paused"]
