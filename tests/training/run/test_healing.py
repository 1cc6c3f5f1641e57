"""What a run does when memory runs out, its loss jumps, or its device is gone."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from safetensors.numpy import load_file

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.rows.examples import Chat, Turn
from daemon.core.training.fallback import Fallback
from daemon.core.training.footprint import Estimate
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.models import machine
from daemon.folders.models.models import Models
from daemon.folders.runs import left_out, runs
from daemon.text.encoder import Encoded
from daemon.training.engine.protocol import (
    ADAPTER,
    MOMENTS,
    NOT_APPLIED,
    EncodedPass,
    StepResult,
    StepShape,
)
from daemon.training.engine.stub import RehearsalEngine
from daemon.training.worker import SHORTAGES_MOST
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    after_steps,
    chats,
    make_workspace,
)

JOB = "000001-sums"
TRAIN = say.Train("r000001")
LONG = {**SETTINGS, "training": {**SETTINGS["training"], "epochs": 5}, "checkpoint": {"steps": 4}}


class Rehearsal(RehearsalEngine):
    def __init__(self) -> None:
        super().__init__(SystemClock(), 0.0)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = make_workspace(tmp_path / "w", Rehearsal())
    made.add_job(JOB, chats(30), chats(24, "held"))
    made.ask_run("r000001", [JOB], settings=LONG)
    return made


def alerts(pipe: ScriptedPipe) -> list[str]:
    return [report.code for report in pipe.sent if isinstance(report, say.Alerted)]


def notes(pipe: ScriptedPipe) -> list[str]:
    return [report.code for report in pipe.sent if isinstance(report, say.Noted)]


def steps(pipe: ScriptedPipe) -> list[int]:
    return [report.metrics.step for report in pipe.sent if isinstance(report, say.Stepped)]


# --- loss ----------------------------------------------------------------------------------------


class Jumping(Rehearsal):
    """Its loss jumps at the 17th step and stays high, unless the rate is small."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        result = super().step(passes, learning_rate, seed)
        late = int(self._moments["step"][0]) >= 17
        return replace(result, loss=30.0) if late and learning_rate > 3e-4 else result


def test_after_a_jump_of_the_loss_the_run_goes_on_from_before_it_with_half_the_rate(
    workspace: Workspace,
) -> None:
    """Fault T10."""
    pipe = workspace.serve(Jumping(), TRAIN)
    assert alerts(pipe) == ["loss_jumped"]
    assert pipe.kinds()[-1] == "CandidateReady"
    # The jump is seen after its second step; the last commit before it was step 16.
    assert steps(pipe) == [*range(1, 19), *range(17, 41)]
    (rung,) = runs.read_fallbacks(workspace.layout.run("r000001"))
    assert (rung.at, rung.rate_share) == (16, 0.5)
    rates = [r.metrics.learning_rate for r in pipe.sent if isinstance(r, say.Stepped)]
    assert rates[17] == pytest.approx(5e-4) and rates[18] == pytest.approx(2.5e-4)
    metrics = workspace.read(workspace.layout.run("r000001").candidate / "training_metrics.json")
    assert [line["step"] for line in metrics] == list(range(1, 41))


def test_a_rate_noted_behind_a_rollback_does_not_come_back(workspace: Workspace) -> None:
    """Jumps at 16 and then at 8: steps 9 to 16 had a quarter of the rate, those behind a half."""
    workspace.serve(Rehearsal(), TRAIN, react=after_steps(9, say.Abandon()))
    place = workspace.layout.run("r000001")
    for at, share in ((16, 0.5), (8, 0.25)):
        runs.append_fallback(place, Fallback(at, 2048, rate_share=share))
    pipe = workspace.serve(Rehearsal(), TRAIN)
    rates = {
        r.metrics.step: r.metrics.learning_rate for r in pipe.sent if isinstance(r, say.Stepped)
    }
    assert [rates[step] for step in (9, 16, 17, 20)] == pytest.approx([1.25e-4] * 4)
    assert pipe.kinds().count("RunBegun") == 1, "nothing changes at 16, so nothing is opened anew"


class Hopeless(Rehearsal):
    """Its loss jumps and no rate helps."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        result = super().step(passes, learning_rate, seed)
        return replace(result, loss=30.0) if int(self._moments["step"][0]) >= 17 else result


def test_the_rate_is_not_halved_for_ever(workspace: Workspace) -> None:
    pipe = workspace.serve(Hopeless(), TRAIN)
    assert alerts(pipe) == ["loss_jumped"] * 4
    assert pipe.kinds()[-1] == "CandidateReady"
    ladder = runs.read_fallbacks(workspace.layout.run("r000001"))
    assert [rung.rate_share for rung in ladder] == [0.5, 0.25, 0.125]


# --- memory --------------------------------------------------------------------------------------


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
    (rung,) = runs.read_fallbacks(workspace.layout.run("r000001"))
    assert (rung.at, rung.pass_tokens) == (8, 1024)
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
            np.testing.assert_allclose(parts[key], array, rtol=1e-5, atol=1e-6)


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


class Shortage(Rehearsal):
    """Has no room for the longest row, whatever the pass."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        if any(text.tokens.any() and len(text.tokens) > 256 for p in passes for text in p.texts):
            raise MemoryError
        return super().step(passes, learning_rate, seed)


def test_rows_without_room_are_the_last_to_go_and_are_named(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "w", Rehearsal())
    rows = chats(12)
    rows[3] = Chat((Turn("user", "x" * 400), Turn("assistant", "a row of x")))
    made.add_job(JOB, rows, chats(6, "held"))
    made.ask_run("r000001", [JOB])
    pipe = made.serve(Shortage(), TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady" and "rows_set_aside" in alerts(pipe)
    draft = made.read(made.layout.run("r000001").draft)
    (gone,) = draft["rows_set_aside"]
    assert (gone["line"], gone["code"], gone["row"]) == (4, "no_room", 3)
    assert draft["rows_by_job"] == {JOB: 11}


def test_a_row_without_room_is_tried_again_in_the_next_run(tmp_path: Path) -> None:
    """One crowded night left long rows out of all later runs: their length was kept for ever."""
    made = make_workspace(tmp_path / "w", Rehearsal())
    rows = chats(12)
    rows[3] = Chat((Turn("user", "x" * 400), Turn("assistant", "a row of x")))
    made.add_job(JOB, rows, chats(6, "held"))
    for run in ("r000001", "r000002"):
        made.ask_run(run, [JOB])
    made.serve(Shortage(), TRAIN)
    pipe = made.serve(Rehearsal(), say.Train("r000002"))
    assert pipe.kinds()[-1] == "CandidateReady" and not alerts(pipe)
    draft = made.read(made.layout.run("r000002").draft)
    assert draft["rows_by_job"] == {JOB: 12} and draft["rows_set_aside"] == []


def test_a_length_that_an_earlier_release_kept_leaves_no_row_out(workspace: Workspace) -> None:
    fingerprint = str(workspace.facts.fingerprint)
    kept = {"row_tokens": 256, "pass_tokens": 128, "max_row_tokens": 16}
    machine.remember_worked(workspace.layout, "rehearsal", fingerprint, kept)
    pipe = workspace.serve(Rehearsal(), TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady" and not alerts(pipe)


def test_a_step_of_which_every_row_was_put_aside_is_not_taken(tmp_path: Path) -> None:
    """Such a step counted as trained, with loss 0.0, and old momentum moved the adapter."""
    made = make_workspace(tmp_path / "w", Rehearsal())
    rows = chats(8)
    rows[3] = Chat((Turn("user", "x" * 400), Turn("assistant", "a row of x")))
    made.add_job(JOB, rows, chats(6, "held"))
    training = {**SETTINGS["training"], "batch_rows": 1}
    made.ask_run("r000001", [JOB], settings={**SETTINGS, "training": training})
    pipe = made.serve(Shortage(), TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady"
    taken = {r.metrics.step: r.metrics for r in pipe.sent if isinstance(r, say.Stepped)}
    empty = [metrics for metrics in taken.values() if not metrics.rows]
    assert len(taken) == 16 and len(empty) == 2
    assert all((m.loss, m.applied, m.update_norm) == (None, False, None) for m in empty)


class Cramped(Rehearsal):
    """Has no room for rows of more than 128 tokens."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        if any(text.tokens.any() and len(text.tokens) > 128 for p in passes for text in p.texts):
            raise MemoryError
        return super().step(passes, learning_rate, seed)


def test_a_run_of_which_no_row_is_left_makes_no_version_and_names_its_rows(
    tmp_path: Path,
) -> None:
    """Six steps with loss 0.0 and no row made a version, with 12 rows trained by its manifest."""
    made = make_workspace(tmp_path / "w", Rehearsal())
    rows = [Chat((Turn("user", "x" * (200 + n)), Turn("assistant", "long"))) for n in range(12)]
    made.add_job(JOB, rows, chats(6, "held"))
    made.ask_run("r000001", [JOB])
    pipe = made.serve(Cramped(), TRAIN)
    place = made.layout.run("r000001")
    assert pipe.kinds()[-1] == "RunEnded" and not place.draft.exists() and not steps(pipe)
    ended = made.read(place.ended)
    assert (ended["outcome"], ended["code"]) == ("nothing_left", "nothing_left")
    assert "12 too long" in ended["message"]
    told = [json.loads(line) for line in (place.folder / left_out.NAME).read_bytes().splitlines()]
    assert [(t["job"], t["run"], t["row"], t["line"], t["code"]) for t in told] == [
        (JOB, "r000001", row, row + 1, "no_room") for row in range(12)
    ]
    assert all("xxx" in t["raw"] for t in told)
    # Said again where the trainer died before it was heard.
    assert made.serve(Cramped(), TRAIN).kinds()[-1] == "RunEnded"


class Blank(Rehearsal):
    """Makes no finite number of any row."""

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        if any(text.tokens.any() for item in passes for text in item.texts):
            return NOT_APPLIED
        return super().step(passes, learning_rate, seed)

    def finite_alone(self, text: Encoded, seed: int) -> bool:
        return False


def test_a_run_whose_rows_are_all_not_finite_ends_when_the_last_is_put_aside(
    workspace: Workspace,
) -> None:
    """It went on without a row, and its version counted the rows as trained."""
    pipe = workspace.serve(Blank(), TRAIN)
    ended = workspace.read(workspace.layout.run("r000001").ended)
    assert pipe.kinds()[-1] == "RunEnded" and ended["outcome"] == "nothing_left"
    assert "30 gave no finite number" in ended["message"]
    assert steps(pipe) == list(range(1, 9))


def test_a_job_of_which_no_row_is_left_is_none_of_the_version(tmp_path: Path) -> None:
    """It counted as trained, and its rows as seen for ever."""
    made = make_workspace(tmp_path / "w", Rehearsal())
    long = [Chat((Turn("user", "x" * (200 + n)), Turn("assistant", "long"))) for n in range(4)]
    made.add_job(JOB, long, chats(3, "held"))
    made.add_job("000002-short", chats(8), chats(3, "kept"))
    made.ask_run("r000001", [JOB, "000002-short"])
    assert made.serve(Cramped(), TRAIN).kinds()[-1] == "CandidateReady"
    draft = made.read(made.layout.run("r000001").draft)
    assert draft["rows_by_job"] == {JOB: 0, "000002-short": 8}
    assert draft["job_ids"] == ["000002-short"]
    made.seal("r000001", "v000001")
    version = Models(made.layout).versions()["v000001"]
    assert [version.outcome_of(job) for job in (JOB, "000002-short")] == ["nothing_left", "trained"]
    told = left_out.read(made.layout.version("v000001"), JOB)
    assert [record["row"] for record in told] == [0, 1, 2, 3]


# --- device and wear -----------------------------------------------------------------------------


class Lost(Rehearsal):
    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def alive(self) -> bool:
        self.times -= 1
        return self.times < 0


def test_a_device_that_was_lost_is_waited_for(workspace: Workspace) -> None:
    # Any order ends a wait early; these two mean nothing else.
    waits = (say.Checkpoint(), say.Checkpoint())
    pipe = workspace.serve(Lost(2), say.Train("r000001", "device"), *waits)
    assert steps(pipe)[-1] == 40 and pipe.kinds()[-1] == "CandidateReady"


class Errs(Rehearsal):
    def trouble(self, error: BaseException) -> Literal["memory", "device"] | None:
        return "device"

    def step(
        self, passes: Sequence[EncodedPass], learning_rate: float, seed: int, *_: Any
    ) -> StepResult:
        raise RuntimeError("GPU lost")


def test_a_device_that_is_lost_in_a_step_ends_the_process(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError, match="GPU lost"):
        workspace.serve(Errs(), TRAIN)
    assert not runs.read_fallbacks(workspace.layout.run("r000001"))


def test_a_worn_trainer_leaves_after_a_run_and_says_why(workspace: Workspace) -> None:
    settings: dict[str, Any] = {**LONG, "trainer": {"max_runs": 1}}
    for run in ("r000002", "r000003"):
        workspace.ask_run(run, [JOB], settings=settings)
    pipe = workspace.serve(Rehearsal(), say.Train("r000002"), say.Train("r000003"))
    assert [note for note in notes(pipe) if note != "probes_left_out"] == ["trainer_worn"]
    assert pipe.kinds().count("CandidateReady") == 1
