"""Probes are answered at the milestones of a run, once each, and change nothing in it."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.training.context import TrainerContext
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.records.state import EVOLUTION
from daemon.training.worker import Trainer
from tests.clocks import StillClock
from tests.training.rehearsed import JOB, with_job
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    after_steps,
)


class Deliberate(RehearsalEngine):
    """A step takes a second, an answer as long as it is told."""

    def __init__(self, clock: StillClock, answer_s: float) -> None:
        super().__init__(clock, 1.0)
        self._answer_s = answer_s

    def answer(self, *given: Any) -> Any:
        self._clock.sleep_s(self._answer_s)
        return super().answer(*given)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return with_job(tmp_path / "w", 60)


def train(
    workspace: Workspace, run: str, answer_s: float = 0.0, react: Any = lambda _: (), **changes: Any
) -> ScriptedPipe:
    """Serve a run of 30 steps, asked for where it is new; time passes only in steps and answers."""
    if not workspace.layout.run(run).request.exists():
        evaluation = {**SETTINGS["evaluation"], "eval_every": 0, "samples": 2, **changes}
        settings = {**SETTINGS, "evaluation": evaluation, "checkpoint": {"steps": 4}}
        workspace.ask_run(run, [JOB], settings=settings)
    clock, pipe = StillClock(), ScriptedPipe([say.Train(run)], react)
    engine = Deliberate(clock, answer_s)
    Trainer(TrainerContext(workspace.layout, engine, pipe, clock, lambda: True), 1).serve()
    return pipe


def lines(workspace: Workspace, run: str) -> list[dict[str, Any]]:
    path = workspace.layout.run(run).candidate / EVOLUTION
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def steps(workspace: Workspace, run: str) -> list[int]:
    return [line["step_in_run"] for line in lines(workspace, run)]


def test_held_out_questions_are_answered_at_each_milestone_and_sealed(
    workspace: Workspace,
) -> None:
    train(workspace, "r000001", budget_share=1.0)
    assert steps(workspace, "r000001") == [0, 0, 10, 10, 25, 25, 30, 30]
    first = lines(workspace, "r000001")[0]
    frozen = workspace.read(workspace.layout.run("r000001").frozen)
    job, row = frozen["judge"][0]
    assert first["id"] == f"{job}:{row}" and first["golden"].startswith("it is")
    assert first["matches"] is False and 0.0 <= first["similarity"] < 1.0
    draft = workspace.read(workspace.layout.run("r000001").draft)
    assert draft["evolution"] == {"milestones": 4, "left_out": 0, "answers_left_out": 0}
    assert EVOLUTION in draft["files"]


def test_every_milestone_is_answered_with_fewer_prompts_where_time_is_short(
    workspace: Workspace,
) -> None:
    """Milestones were left out to stay within the budget: the demo showed the first and the last.

    A fifth of 30 s of steps is 6 s of answers; a milestone takes 3 s, and the first counts.
    """
    pipe = train(workspace, "r000001", answer_s=3.0, budget_share=0.2)
    assert steps(workspace, "r000001") == [0, 0, 10, 25, 30, 30]
    answered = [line["id"] for line in lines(workspace, "r000001")]
    assert answered[2:4] == answered[:1] * 2, "the first prompt has an answer at each"
    draft = workspace.read(workspace.layout.run("r000001").draft)
    assert draft["evolution"] == {"milestones": 4, "left_out": 0, "answers_left_out": 2}
    (note,) = (r for r in pipe.sent if isinstance(r, say.Noted))
    assert note.code == "probes_left_out" and "all 4 milestones" in note.message


@pytest.mark.parametrize(
    ("at", "order"),
    [(1, say.Abandon()), (10, say.Stop()), (11, say.Abandon()), (30, say.Stop())],
)
def test_after_a_kill_no_answer_is_there_twice_or_missing(
    workspace: Workspace, at: int, order: say.Order
) -> None:
    """At 10 and 30 it comes between a step and its milestone (fault T9)."""
    train(workspace, "r000001", react=after_steps(at, order), budget_share=1.0)
    train(workspace, "r000001")
    assert steps(workspace, "r000001") == [0, 0, 10, 10, 25, 25, 30, 30]


def test_without_a_budget_one_prompt_is_answered_at_every_milestone(
    workspace: Workspace,
) -> None:
    """After a restart too: fewer items, never fewer times."""
    train(workspace, "r000001", react=after_steps(9, say.Stop()), budget_share=0.0)
    train(workspace, "r000001")
    assert steps(workspace, "r000001") == [0, 0, 10, 25, 30, 30]


def test_probes_change_nothing_in_what_is_trained(workspace: Workspace) -> None:
    train(workspace, "r000001", budget_share=1.0)
    train(workspace, "r000002", samples=0)
    assert not (workspace.layout.run("r000002").candidate / EVOLUTION).exists()
    for name in (ADAPTER, MOMENTS):
        asked, silent = (workspace.layout.run(r).candidate / name for r in ("r000001", "r000002"))
        assert asked.read_bytes() == silent.read_bytes()


def test_own_probes_go_before_held_out_questions(workspace: Workspace) -> None:
    workspace.layout.evals.mkdir(exist_ok=True)
    rows = [{"id": "sky", "prompt": "The sky?", "answers": ["blue", "grey"]}, {"prompt": "Sing!"}]
    (workspace.layout.evals / "probes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train(workspace, "r000001")
    sky, sing = lines(workspace, "r000001")[:2]
    assert (sky["id"], sky["prompt"], sky["golden"]) == ("sky", "The sky?", "blue")
    assert sky["matches"] is False and sky["similarity"] is not None
    assert (sing["golden"], sing["matches"], sing["similarity"]) == ("", None, None)


def test_a_broken_file_of_probes_is_told_and_the_run_goes_on(workspace: Workspace) -> None:
    workspace.layout.evals.mkdir(exist_ok=True)
    (workspace.layout.evals / "probes.jsonl").write_text("{torn")
    pipe = train(workspace, "r000001")
    (alert,) = (r for r in pipe.sent if isinstance(r, say.Alerted))
    assert alert.code == "suite_left_out" and "line 1" in alert.message
    assert pipe.kinds()[-1] == "CandidateReady"


class Counting(RehearsalEngine):
    """Remembers which prompts it was asked."""

    def __init__(self, clock: StillClock) -> None:
        super().__init__(clock, 0.0)
        self.asked: list[tuple[int, ...]] = []

    def answer(self, prompts: Any, *given: Any) -> Any:
        self.asked += [tuple(prompt) for prompt in prompts]
        return super().answer(prompts, *given)


def test_what_was_answered_at_the_first_and_last_milestone_is_not_asked_again(
    workspace: Workspace,
) -> None:
    evaluation = {**SETTINGS["evaluation"], "eval_every": 0, "samples": 2, "judge_samples": 2}
    workspace.ask_run("r000001", [JOB], settings={**SETTINGS, "evaluation": evaluation})
    clock, pipe = StillClock(), ScriptedPipe([say.Train("r000001")], lambda _: ())
    engine = Counting(clock)
    Trainer(TrainerContext(workspace.layout, engine, pipe, clock, lambda: True), 1).serve()
    assert pipe.kinds()[-1] == "CandidateReady"
    # Once by each model: as it began, at steps 10 and 25, and as it ended.
    asked = Counter(engine.asked)
    assert len(asked) == 2
    assert set(asked.values()) == {len({line["step"] for line in lines(workspace, "r000001")})}
