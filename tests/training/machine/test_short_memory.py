"""What a run does when memory runs out, and where it is known beforehand that it would."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from daemon.core import messages as say
from daemon.core.training.footprint import Estimate
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.models import machine
from daemon.folders.runs import runs
from daemon.training.engine.protocol import ADAPTER, MOMENTS, EncodedPass, StepResult, StepShape
from daemon.training.worker import SHORTAGES_MOST
from tests.tiny_bases import tolerance
from tests.training.rehearsed import (
    JOB,
    LONG,
    TRAIN,
    Rehearsal,
    alerts,
    steps,
    workspace,
)
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import (
    SETTINGS,
    Workspace,
    after_steps,
    chats,
    make_workspace,
)

__all__ = ["workspace"]


class Small(Rehearsal):
    """Has no room for passes of more than 128 tokens once it has taken six steps."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        most = max(item.width * len(item.rows) for item in passes)
        if most > 128 and int(self._moments["step"][0]) >= 6:
            raise MemoryError
        return super().step(passes, learning_rate, seed)


def test_a_run_that_runs_out_of_memory_goes_on_from_its_last_commit_in_smaller_passes(
    workspace: Workspace,
) -> None:
    """Faults T14, Q7."""
    pipe = workspace.serve(Small(), TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady"
    assert set(alerts(pipe)) == {"out_of_memory"}
    place = workspace.layout.run("r000001")
    ladder = runs.read_fallbacks(place)
    assert ladder[0].at == 4 and ladder[-1].pass_tokens == 128
    assert steps(pipe)[-1] == 40
    worked, problem = machine.read_worked(
        workspace.layout, "rehearsal", str(workspace.facts.fingerprint)
    )
    assert problem is None and worked["pass_tokens"] == 128
    # The next run begins there.
    workspace.ask_run("r000002", [JOB], settings=LONG)
    quiet = workspace.serve(Small(), say.Train("r000002"))
    assert not alerts(quiet) and quiet.kinds()[-1] == "CandidateReady"


class Full(Rehearsal):
    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        raise MemoryError


def test_after_the_last_rung_the_run_has_failed_with_a_sentence(workspace: Workspace) -> None:
    """Fault T14."""
    pipe = workspace.serve(Full(), TRAIN)
    assert pipe.kinds()[-1] == "RunEnded"
    ended = workspace.read(workspace.layout.run("r000001").ended)
    assert ended["code"] == "out_of_memory" and "smaller" in ended["message"]


def test_the_next_trainer_is_told_and_takes_the_rung(workspace: Workspace) -> None:
    workspace.serve(Rehearsal(), TRAIN, react=after_steps(9, say.Abandon()))
    pipe = workspace.serve(Rehearsal(), say.Train("r000001", "memory"))
    (fallback,) = runs.read_fallbacks(workspace.layout.run("r000001"))
    assert (fallback.at, fallback.pass_tokens) == (8, 1024)
    assert alerts(pipe) == ["out_of_memory"] and steps(pipe) == list(range(9, 41))


def test_smaller_passes_change_the_result_by_rounding_only(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    training = {**SETTINGS["training"], "optimizer": "sgd", "pass_tokens": 512, "row_tokens": 512}
    settings = {**SETTINGS, "training": training, "checkpoint": {"steps": 2}}
    for run in ("r000001", "r000002"):
        made.ask_run(run, [JOB], settings=settings)
    made.serve(TinyEngine(), TRAIN)
    made.serve(TinyEngine(), say.Train("r000002"), react=after_steps(3, say.Abandon()))
    for _ in range(3):
        made.serve(
            TinyEngine(), say.Train("r000002", "memory"), react=after_steps(1, say.Abandon())
        )
    made.serve(TinyEngine(), say.Train("r000002"))
    ladder = runs.read_fallbacks(made.layout.run("r000002"))
    assert len(ladder) == 3 and ladder[-1].pass_tokens < 512
    for name in (ADAPTER, MOMENTS):
        whole = load_file(made.layout.run("r000001").candidate / name)
        parts = load_file(made.layout.run("r000002").candidate / name)
        for key, array in whole.items():
            apart = np.linalg.norm(parts[key] - array) / np.linalg.norm(array)
            assert apart < tolerance(1e-5, 2e-2)


class Crowded(Rehearsal):
    """Has no memory to measure with, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def best_row_tokens(self, base: Path) -> int | None:
        self.times -= 1
        if self.times >= 0:
            raise MemoryError("no memory to measure")
        return None


def test_memory_that_runs_out_before_the_choices_ends_the_tries_with_a_sentence(
    workspace: Workspace,
) -> None:
    """It was tried again without end: 300 attempts in a second, nothing told, no order read."""
    engine = Crowded(100)
    pipe = workspace.serve(engine, TRAIN)
    assert 100 - engine.times == SHORTAGES_MOST == 3
    assert alerts(pipe) == ["out_of_memory"] * 2
    (refused,) = (report for report in pipe.sent if isinstance(report, say.RunRefused))
    assert refused.code == "out_of_memory" and "no memory to measure" in refused.message
    # The jobs are not guilty: asked again, it has all its tries again, and goes on.
    later = workspace.serve(Crowded(2), TRAIN)
    assert later.kinds()[-1] == "CandidateReady" and steps(later)[-1] == 40


class Dying(Rehearsal):
    """Ends its process while it measures."""

    def best_row_tokens(self, base: Path) -> int | None:
        raise SystemExit("killed by the kernel")


def test_deaths_of_memory_before_the_choices_are_counted_over_processes(
    workspace: Workspace,
) -> None:
    """Each process began to count anew, so that only the tenth start of the run was the last."""
    for train in (TRAIN, *2 * [say.Train("r000001", "memory")]):
        with pytest.raises(SystemExit):
            workspace.serve(Dying(), train)
    pipe = workspace.serve(Dying(), say.Train("r000001", "memory"))
    (refused,) = (report for report in pipe.sent if isinstance(report, say.RunRefused))
    assert refused.code == "out_of_memory"


def test_orders_are_read_between_tries_that_run_out_of_memory(workspace: Workspace) -> None:
    """A stop was not seen before memory was there again."""
    engine = Crowded(100)

    def stop_at_the_first(report: say.Report) -> list[say.Order]:
        return [say.Stop()] if isinstance(report, say.Alerted) else []

    pipe = workspace.serve(engine, TRAIN, react=stop_at_the_first)
    assert engine.times == 99 and alerts(pipe) == ["out_of_memory"]
    assert not [report for report in pipe.sent if isinstance(report, say.RunRefused)]


def test_memory_that_runs_out_while_choices_are_made_anew_takes_no_rung_of_the_old_ones(
    workspace: Workspace,
) -> None:
    """After an update of a library a crowded moment ended the run, its jobs with it, as failed."""
    workspace.serve(Rehearsal(), TRAIN, react=after_steps(9, say.Abandon()))
    place = workspace.layout.run("r000001")
    frozen = {**workspace.read(place.frozen), "libraries": {"mlx": "0.0.1"}}
    del frozen[runs.CHECKSUM]
    place.frozen.write_text(json.dumps(frozen))
    pipe = workspace.serve(Crowded(100), TRAIN)
    assert pipe.kinds()[-1] == "RunRefused" and not place.ended.exists()


class Estimating(Rehearsal):
    """Says beforehand that only passes of 300 tokens fit."""

    def estimate(
        self, base: Path, spec: AdapterSpec, shape: StepShape
    ) -> tuple[Estimate, int] | None:
        return Estimate(0, 0, 0, 0, max(shape.pass_tokens, shape.width), 0, 0), 300


def test_what_is_estimated_not_to_fit_is_made_smaller_before_the_first_step(
    workspace: Workspace,
) -> None:
    pipe = workspace.serve(Estimating(), TRAIN)
    assert alerts(pipe) == ["memory_is_short"] and pipe.kinds()[-1] == "CandidateReady"
    frozen = workspace.read(workspace.layout.run("r000001").frozen)
    assert frozen["rung"]["pass_tokens"] <= 300 and frozen["estimate"]["total"] <= 300


class Tiny(Rehearsal):
    def estimate(
        self, base: Path, spec: AdapterSpec, shape: StepShape
    ) -> tuple[Estimate, int] | None:
        return Estimate(10**9, 0, 0, 0, 0, 0, 0), 300


def test_a_model_that_cannot_fit_is_refused_and_its_jobs_are_not_guilty(
    workspace: Workspace,
) -> None:
    pipe = workspace.serve(Tiny(), TRAIN)
    (refused,) = (report for report in pipe.sent if isinstance(report, say.RunRefused))
    assert refused.code == "too_little_memory" and "smaller" in refused.message
    assert not steps(pipe)
