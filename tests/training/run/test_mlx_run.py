"""The whole procedure on MLX with a tiny random llama on the CPU."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from daemon.core import messages as say
from daemon.core.evaluation.sweeps import space_around
from daemon.core.rows.examples import Chat, Turn
from daemon.core.training.run_state import SkippedRow
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.orders import SWEEP, Header
from daemon.folders.orders import orders, sweeps
from daemon.layout import Layout
from daemon.model.interruption import Attend, unattended
from daemon.model.packing_check import PackingCheck
from daemon.settings import Settings
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.engine.stub_base import make_base
from daemon.training.records.state import RunState
from daemon.training.run import opening
from tests.orders import result_of, sweep_request
from tests.training.tiny_llama import TinyEngine, make_weights
from tests.training.workspace import (
    SETTINGS,
    Workspace,
    after_steps,
    chats,
    losses_of,
    make_workspace,
)

JOB = "000001-sums"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_workspace(tmp_path_factory.mktemp("mlx") / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    made.ask_run("r000001", [JOB], settings=with_dropout())
    pipe = made.serve(TinyEngine(), say.Train("r000001"))
    assert pipe.kinds()[-1] == "CandidateReady"
    return made


def with_dropout() -> dict[str, object]:
    training = {**SETTINGS["training"], "dropout": 0.1, "pass_tokens": 128}
    return {**SETTINGS, "training": training, "checkpoint": {"steps": 2}}


@pytest.mark.cpu_bits
def test_a_run_that_was_killed_ends_in_the_same_bytes(workspace: Workspace) -> None:
    """Dropout included: its numbers follow from the step (faults T9, T17)."""
    workspace.ask_run("r000002", [JOB], settings=with_dropout())
    react = after_steps(3, say.Abandon())
    workspace.serve(TinyEngine(), say.Train("r000002"), react=react)
    pipe = workspace.serve(TinyEngine(), say.Train("r000002"))
    assert min(losses_of(pipe)) == 3
    for name in (ADAPTER, MOMENTS):
        whole = workspace.layout.run("r000001").candidate / name
        parts = workspace.layout.run("r000002").candidate / name
        assert whole.read_bytes() == parts.read_bytes()


@pytest.mark.parametrize("step", range(1, 11))
@pytest.mark.cpu_bits
def test_replay_packed_rows_and_the_trunk_cache_survive_a_kill_at_any_step(
    workspace: Workspace, tmp_path: Path, step: int
) -> None:
    """The adapter is on the upper of two layers, so that there is something to cache.

    Fault T9, invariants I2, I3.
    """
    settings = with_dropout()
    training = {
        **SETTINGS["training"],
        "dropout": 0.1,
        "num_layers": 1,
        "row_tokens": 128,
        "batch_rows": 2,
        "epochs": 2,
    }
    settings |= {"training": training, "replay": {"share": 0.3}, "checkpoint": {"steps": 1}}
    made = make_workspace(tmp_path / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    made.add_job("000002-more", chats(10, "more"))
    for run in ("r000001", "r000002"):
        made.ask_run(run, ["000002-more"], lineage_jobs=[JOB], settings=settings)
    whole = made.serve(TinyEngine(), say.Train("r000001"))
    frozen = made.read(made.layout.run("r000001").frozen)
    assert len(frozen["replay"]) == 9 and {job for job, _ in frozen["replay"]} == {JOB}
    stepped = [report for report in whole.sent if isinstance(report, say.Stepped)]
    assert sum(report.metrics.replayed for report in stepped) == 9
    react = after_steps(step, say.Abandon())
    made.serve(TinyEngine(), say.Train("r000002"), react=react)
    made.serve(TinyEngine(), say.Train("r000002"))
    for name in (ADAPTER, MOMENTS):
        first, second = (made.layout.run(run).candidate / name for run in ("r000001", "r000002"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.cpu_bits
def test_a_warm_engine_trains_as_a_fresh_one(workspace: Workspace) -> None:
    engine = TinyEngine()
    for run in ("r000003", "r000004"):
        workspace.ask_run(run, [JOB], settings=with_dropout())
        workspace.serve(engine, say.Train(run))
    adapters = [
        (workspace.layout.run(run).candidate / ADAPTER).read_bytes()
        for run in ("r000001", "r000003", "r000004")
    ]
    assert adapters[0] == adapters[1] == adapters[2]


@pytest.mark.cpu_bits
def test_a_run_stopped_early_and_killed_behind_its_best_step_ends_in_the_same_bytes(
    workspace: Workspace,
) -> None:
    """No fall of the loss is large enough to count, so the first step that is watched is best."""
    settings = with_dropout()
    settings["training"] = {
        **SETTINGS["training"],
        "dropout": 0.1,
        "epochs": 3,
        "patience_steps": 2,
        "min_delta": 10.0,
    }
    settings["evaluation"] = {"eval_every": 2, "samples": 0, "judge_samples": 0}
    for run in ("r000008", "r000009"):
        workspace.ask_run(run, [JOB], settings=settings)
    workspace.serve(TinyEngine(), say.Train("r000008"))
    workspace.serve(TinyEngine(), say.Train("r000009"), react=after_steps(5, say.Abandon()))
    pipe = workspace.serve(TinyEngine(), say.Train("r000009"))
    assert (min(losses_of(pipe)), max(losses_of(pipe))) == (5, 6)
    stopped = workspace.read(workspace.layout.run("r000009").draft)["stopped_early"]
    assert (stopped["best_step"], stopped["at_step"]) == (4, 6)
    for name in (ADAPTER, MOMENTS):
        first, second = (
            workspace.layout.run(run).candidate / name for run in ("r000008", "r000009")
        )
        assert first.read_bytes() == second.read_bytes()
    assert int(load_file(workspace.layout.run("r000009").candidate / MOMENTS)["step"]) == 4


def test_training_lowers_the_loss_and_the_judge_sees_it(workspace: Workspace) -> None:
    draft = workspace.read(workspace.layout.run("r000001").draft)
    loss = draft["evaluations"]["loss"]["own_holdout"]
    assert loss["after"] < loss["before"]
    assert draft["judgement"]["finite"] and draft["judgement"]["changed"]


def test_a_second_run_carries_moments_on_and_is_compared_with_the_first(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace.ask_run("r000005", [JOB])
    workspace.serve(TinyEngine(), say.Train("r000005"))
    workspace.seal("r000005", "v000001")
    workspace.add_job("000002-more", chats(4, "more"))
    workspace.ask_run(
        "r000006",
        ["000002-more"],
        "v000001",
        6,
        proven_version="v000000",
        lineage_jobs=[JOB],
        holdout_jobs=[JOB],
    )
    pipe = workspace.serve(TinyEngine(), say.Train("r000006"))
    assert list(losses_of(pipe)) == [7, 8]
    assert not any(isinstance(report, say.Alerted) for report in pipe.sent)
    moments = load_file(workspace.layout.run("r000006").candidate / MOMENTS)
    assert int(moments["step"]) == 8
    tests = workspace.read(workspace.layout.run("r000006").draft)["judgement"]["tests"]
    assert set(test["against"] for test in tests) == {"v000001", "v000000"}


def test_another_optimizer_begins_with_fresh_moments_and_says_so(workspace: Workspace) -> None:
    """Fault T6."""
    settings = {**SETTINGS, "training": {**SETTINGS["training"], "optimizer": "lion"}}
    start = workspace.layout.run("r000001").candidate
    assert start.exists()
    workspace.seal("r000001", "v000002")
    workspace.add_job("000003-other", chats(4, "other"))
    workspace.ask_run("r000007", ["000003-other"], "v000002", 6, settings=settings)
    pipe = workspace.serve(TinyEngine(), say.Train("r000007"))
    alerts = [report.code for report in pipe.sent if isinstance(report, say.Alerted)]
    assert alerts == ["moments_fresh"]
    assert pipe.kinds()[-1] == "CandidateReady"


class Poisoned(TinyEngine):
    """A model that makes no number of one letter: the embedding of its token is not finite."""

    def prepare(self, layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
        facts = make_base(layout, model)
        make_weights(layout.base(facts.name), poison=198)
        return facts


def with_poison(root: Path) -> Workspace:
    made = make_workspace(root, Poisoned())
    rows = chats(12)
    rows[4] = Chat((Turn("user", "what is \x07?"), Turn("assistant", "a bell")))
    made.add_job(JOB, rows, chats(6, "held"))
    settings = with_dropout()
    for run in ("r000001", "r000002", "r000003"):
        made.ask_run(run, [JOB], settings=settings)
    return made


def test_a_row_without_a_finite_loss_is_put_aside_and_the_others_go_on_as_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault T10."""
    made = with_poison(tmp_path / "w")
    pipe = made.serve(Poisoned(), say.Train("r000001"))
    assert [r.code for r in pipe.sent if isinstance(r, say.Alerted)] == ["rows_set_aside"]
    stepped = [report.metrics for report in pipe.sent if isinstance(report, say.Stepped)]
    assert all(metrics.applied for metrics in stepped)
    assert sum(metrics.rows for metrics in stepped) == 2 * 11
    draft = made.read(made.layout.run("r000001").draft)
    (gone,) = draft["rows_set_aside"]
    assert (gone["job"], gone["line"], gone["code"]) == (JOB, 5, "not_finite")
    dropped = made.layout.job("running", JOB).original.read_bytes()
    assert dropped[gone["offset"] :][: gone["length"]] == gone["raw"].encode()
    assert "a bell" in gone["raw"]
    # The same with a kill.
    made.serve(Poisoned(), say.Train("r000002"), react=after_steps(3, say.Abandon()))
    made.serve(Poisoned(), say.Train("r000002"))
    # The same plan with the row put aside from the start.
    real = opening.resume

    def without_the_row(*given: Any) -> RunState:
        return replace(real(*given), skipped=(SkippedRow(JOB, 4, 0),))

    monkeypatch.setattr(opening, "resume", without_the_row)
    quiet = made.serve(Poisoned(), say.Train("r000003"))
    assert "Alerted" not in quiet.kinds()
    for name in (ADAPTER, MOMENTS):
        found = {
            (made.layout.run(run).candidate / name).read_bytes()
            for run in ("r000001", "r000002", "r000003")
        }
        assert len(found) == 1


def test_a_sweep_tries_other_shapes_on_one_resident_model(workspace: Workspace) -> None:
    default = {
        "learning_rate": 1e-2,
        "batch_rows": 4,
        "decay_share": 0.2,
        "rank": 2,
        "scale": 2.0,
        "num_layers": 16,
    }
    request = sweep_request(
        workspace.facts,
        default,
        job=JOB,
        settings=Settings.model_validate(SETTINGS).model_dump(mode="json"),
        trials=8,
        epochs=2,
        rows=12,
        space=space_around(default, 2, True),
    )
    rows = workspace.layout.job("running", JOB)
    sweep = orders.create(
        workspace.layout,
        SWEEP,
        Header("", "", "x"),
        lambda built, _: sweeps.fill(built, rows, request),
    )
    engine = TinyEngine()
    while (result := result_of(workspace.layout.sweep(sweep))) is None:
        workspace.serve(engine, say.CarryOut(sweep))
    trials = sweeps.read_trials(workspace.layout.sweep(sweep))
    assert len({trial.setting["rank"] for trial in trials}) > 1
    assert all(trial.outcome != "failed" for trial in trials)
    best = trials[result["best"] - 1]
    assert best.loss is not None and best.loss <= (trials[0].loss or 0.0) < trials[0].curve[0][1]


def test_a_model_whose_texts_cannot_share_rows_is_told_of_once_with_the_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was silent: one text a row, up to four times the work."""
    measured = PackingCheck(0.4, 0.0, 1e-6, 1e-6, 1e-6, 0.9)
    monkeypatch.setattr("daemon.training.engine.mlx.check_packing", lambda _: measured)
    made = make_workspace(tmp_path / "w", TinyEngine())
    made.add_job(JOB, chats(12), chats(6, "held"))
    made.ask_run("r000001", [JOB])
    pipe = made.serve(TinyEngine(), say.Train("r000001"))
    notes = [r for r in pipe.sent if isinstance(r, say.Noted) and "cannot be packed" in r.message]
    assert [note.code for note in notes] == ["measured"]
    assert "change a text by 4.0e-01 of its size" in notes[0].message
