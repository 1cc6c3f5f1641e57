"""Memory that runs out while answers are made: fewer at once, and the steps stay as they are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.evaluation.scoring import OnAnswer
from daemon.folders.models import machine
from daemon.folders.orders import evaluations
from daemon.folders.runs import runs
from daemon.training.context import TrainerContext
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.machine.answering import BatchedAnswering
from tests.training.orders.test_evaluation import again, ask
from tests.training.workspace import (
    ScriptedPipe,
    Workspace,
    chats,
    make_workspace,
    silent,
)

JOB, TRAIN = "000001-sums", say.Train("r000001")


class Cramped(RehearsalEngine):
    """Has room for so many answers at once."""

    def __init__(self, room: int) -> None:
        super().__init__(SystemClock(), 0.0)
        self.room = room
        self.tried: list[int] = []
        self.asked: list[int] = []

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Callable[[], bool],
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        self.tried.append(limits.at_once)
        self.asked.append(len(prompts))
        if limits.at_once > self.room:
            # One has ended before the others were too many.
            super().answer(prompts[:1], limits, interrupted, on_answer)
            raise MemoryError
        return super().answer(prompts, limits, interrupted, on_answer)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", Cramped(32))
    made.add_job(JOB, chats(30), chats(24, "held"))
    made.ask_run("r000001", [JOB])
    return made


def worked(workspace: Workspace) -> dict[str, Any]:
    found, _ = machine.read_worked(workspace.layout, "rehearsal", workspace.facts.fingerprint)
    return found


def alerts(pipe: ScriptedPipe) -> list[say.Alerted]:
    return [report for report in pipe.sent if isinstance(report, say.Alerted)]


def test_memory_that_runs_out_in_an_evaluation_halves_the_answers_and_leaves_the_ladder_alone(
    workspace: Workspace,
) -> None:
    """It went down the memory ladder of training, which makes answers no smaller, to its end."""
    engine = Cramped(4)
    pipe = workspace.serve(engine, TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady"
    assert engine.tried[:4] == [32, 16, 8, 4] and set(engine.tried[4:]) == {4}
    assert not runs.read_fallbacks(workspace.layout.run("r000001"))
    assert [alert.code for alert in alerts(pipe)] == ["out_of_memory"] * 3
    assert "4 are generated" in alerts(pipe)[-1].message


def test_what_worked_is_remembered_by_the_machine(workspace: Workspace) -> None:
    workspace.serve(Cramped(4), TRAIN)
    assert worked(workspace)["answers_at_once"] == 4 and worked(workspace)["answering"] == 0
    workspace.ask_run("r000002", [JOB])
    engine = Cramped(4)
    workspace.serve(engine, say.Train("r000002"))
    assert set(engine.tried) == {4}


def test_answers_that_had_ended_are_not_made_again(workspace: Workspace) -> None:
    engine = Cramped(4)
    pipe = ScriptedPipe((), silent)
    context = TrainerContext(workspace.layout, engine, pipe, SystemClock(), lambda: True)
    ended: list[int] = []
    prompts = [[1, 2, number] for number in range(9)]
    said = BatchedAnswering(context, workspace.facts).answer(
        prompts, AnswerLimits(4), lambda: False, lambda place, _: ended.append(place)
    )
    assert engine.asked == [9, 8, 7, 6] and ended == list(range(9))
    assert said == RehearsalEngine(SystemClock(), 0.0).answer(
        prompts, AnswerLimits(4), lambda: False
    )


def test_a_trainer_that_dies_of_memory_while_it_answers_costs_no_rung_either(
    workspace: Workspace,
) -> None:
    """A death by the system has no exception: the next trainer went down the ladder."""

    class Killed(Cramped):
        def answer(self, *given: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workspace.serve(Killed(32), TRAIN)
    mark = {"answering": 32}
    # A kill runs no code of ours: the mark stays as it was made.
    machine.remember_worked(workspace.layout, "rehearsal", workspace.facts.fingerprint, mark)
    engine = Cramped(32)
    pipe = workspace.serve(engine, say.Train("r000001", "memory"))
    assert not runs.read_fallbacks(workspace.layout.run("r000001"))
    assert pipe.kinds()[-1] == "CandidateReady" and set(engine.tried) == {16}
    assert worked(workspace)["answering"] == 0


def test_a_mark_of_a_trainer_that_died_otherwise_is_forgotten(workspace: Workspace) -> None:
    fingerprint = workspace.facts.fingerprint
    machine.remember_worked(workspace.layout, "rehearsal", fingerprint, {"answering": 32})
    engine = Cramped(32)
    workspace.serve(engine, TRAIN)
    assert set(engine.tried) == {32} and worked(workspace)["answering"] == 0


def test_where_one_answer_alone_has_no_room_the_error_comes_out(workspace: Workspace) -> None:
    context = TrainerContext(
        workspace.layout, Cramped(0), ScriptedPipe((), silent), SystemClock(), lambda: True
    )
    prompts = [[1, number] for number in range(9)]
    with pytest.raises(MemoryError):
        BatchedAnswering(context, workspace.facts).answer(prompts, AnswerLimits(4), lambda: False)
    assert worked(workspace)["answers_at_once"] == 1


def test_an_evaluation_by_hand_goes_on_with_fewer_at_once(tmp_path: Path) -> None:
    """Its piece was given up: "it ran out of memory"."""
    engine = Cramped(8)
    made = make_workspace(tmp_path / "w", engine)
    order = ask(made)
    pipe = made.serve(engine, say.CarryOut(order), react=again)
    assert pipe.kinds()[-1] == "OrderEnded"
    assert engine.tried[:3] == [32, 16, 8] and set(engine.tried[3:]) == {8}
    paper = evaluations.read_results(made.layout.evaluation(order), 0, 0)
    assert paper is not None and paper.failed is None
