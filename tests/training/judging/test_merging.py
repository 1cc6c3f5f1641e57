"""A run that forgets earlier files keeps a part of its change, the same one after any kill."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.decisions.promotion import decide_verdict, gate_from_record
from daemon.core.records import from_json_value
from daemon.core.rows.examples import Example
from daemon.core.training.judgement import Judgement
from daemon.core.training.merging import SHARES
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.protocol import ADAPTER, MOMENTS
from daemon.training.engine.stub import RehearsalEngine, pull
from tests.training.orders.test_reproduction import do, order
from tests.training.workspace import SETTINGS, React, Workspace, chats, make_workspace, silent

FIRST, SECOND = "000001-first", "000002-second"
RUN = "r000002"
APART = 0.02
"""Rows of one file pull the rehearsal model to one side by more than this, those of the other to
the other side."""
TRAINED, HELD = 40, 24


def engine() -> RehearsalEngine:
    return RehearsalEngine(SystemClock(), 0.0)


NEVER, OFTEN = 1e-9, 0.05
"""Levels: at the one no rise is significant, at the other one those here are."""


def settings(merge: bool, level: float) -> dict[str, Any]:
    gate = {"forgetting": 0.001, "forgetting_share": 0.0, "merge": merge, "level": level}
    return {
        **SETTINGS,
        "training": {**SETTINGS["training"], "epochs": 15},
        "evaluation": {"eval_every": 0, "samples": 0, "judge_samples": 0},
        "gate": gate,
    }


def opposed(workspace: Workspace) -> tuple[list[Example], list[Example]]:
    """Return the rows of two files: what is learned of the second is forgotten of the first."""
    encoder = TextEncoder.load(workspace.layout.base(workspace.facts.name))
    rows = chats(1_000)
    pulls = [float(pull(row)) for row in encoder.encode(rows, 512) if isinstance(row, Encoded)]
    both = list(zip(rows, pulls, strict=True))
    up = [row for row, its in both if its > APART][: TRAINED + HELD]
    down = [row for row, its in both if its < -APART][: TRAINED + HELD]
    return up, down


def train(
    workspace: Workspace,
    run: str,
    jobs: Sequence[str],
    merge: bool = True,
    level: float = NEVER,
    react: React = silent,
) -> None:
    *earlier, job = jobs
    start = f"v{len(earlier):06d}"
    workspace.ask_run(
        run,
        [job],
        start,
        workspace.read(workspace.layout.version(start) / "manifest.json")["step"],
        settings=settings(merge, level),
        lineage_jobs=earlier,
        holdout_jobs=earlier,
    )
    workspace.serve(engine(), say.Train(run), react=react)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a workspace that has learned the first file and has the second one."""
    made = make_workspace(tmp_path_factory.mktemp("learned") / "w", engine())
    for job, rows in zip((FIRST, SECOND), opposed(made), strict=True):
        made.add_job(job, rows[:TRAINED], rows[TRAINED:])
    train(made, "r000001", [FIRST])
    assert draft(made, "r000001")["merge"] is None, "there was nothing to forget"
    made.seal("r000001", "v000001")
    return made


def draft(workspace: Workspace, run: str = RUN) -> dict[str, Any]:
    found: dict[str, Any] = workspace.read(workspace.layout.run(run).draft)
    return found


def second(learned: Workspace, root: Path, **changes: Any) -> Workspace:
    """Return a copy in which the second file was trained too."""
    shutil.copytree(learned.layout.root, root)
    made = Workspace(type(learned.layout)(root), learned.facts)
    train(made, RUN, [FIRST, SECOND], **changes)
    return made


def adapter(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / ADAPTER)


def risen(workspace: Workspace) -> float:
    (first,) = draft(workspace)["judgement"]["forgetting"]
    rise: float = first["rise"]
    return rise


def test_a_part_of_the_change_is_kept_where_all_of_it_forgets(
    learned: Workspace, tmp_path: Path
) -> None:
    """Rises beyond the tolerance were kept for good where they were not significant."""
    whole, merged = second(learned, tmp_path / "a", merge=False), second(learned, tmp_path / "b")
    assert draft(whole)["merge"] is None
    merge = draft(merged)["merge"]
    measured = [point["share"] for point in merge["points"]]
    assert measured == list(SHARES[: len(measured)])
    assert merge["share"] < 1.0 and merge["points"][0]["excess"] > 0.0
    assert risen(merged) < risen(whole)
    # Between start and end, with the moments of the end: the next run goes on from there.
    place = merged.layout.run(RUN)
    end, start = merged.checkpoint(RUN), merged.layout.version("v000001")
    for name, array in adapter(place.candidate).items():
        first, last = adapter(start)[name], adapter(end)[name]
        assert np.allclose(array, first + merge["share"] * (last - first), atol=1e-6)
    assert (place.candidate / MOMENTS).read_bytes() == (end / MOMENTS).read_bytes()


def test_an_end_that_is_refused_is_not_softened(learned: Workspace, tmp_path: Path) -> None:
    """A quarter of a harmful file would pass where all of it is refused."""
    made = second(learned, tmp_path / "w", level=OFTEN)
    found = draft(made)
    assert found["merge"] is None and risen(made) > 0.001
    gate = gate_from_record(found["settings"]["gate"])
    judgement = from_json_value(found["judgement"], Judgement)
    assert decide_verdict(judgement, gate).kind == "refuse"


def test_a_stop_or_a_kill_while_it_is_judged_ends_in_the_same_bits(
    learned: Workspace, tmp_path: Path
) -> None:
    whole = second(learned, tmp_path / "a")

    def leave(report: say.Report) -> list[say.Order]:
        return [say.Stop()] if isinstance(report, say.Judging) else []

    cut = second(learned, tmp_path / "b", react=leave)
    place = cut.layout.run(RUN)
    assert not place.draft.exists()
    # What a kill may leave: a point that was measured, or half of one.
    place.merged.mkdir(exist_ok=True)
    (place.merged / ADAPTER).write_bytes(b"half")
    cut.serve(engine(), say.Train(RUN))
    for name in (ADAPTER, MOMENTS):
        one, other = (made.layout.run(RUN).candidate / name for made in (whole, cut))
        assert one.read_bytes() == other.read_bytes()
    assert draft(cut)["merge"] == draft(whole)["merge"]


def test_a_merged_version_is_trained_again_bit_for_bit(learned: Workspace, tmp_path: Path) -> None:
    made = second(learned, tmp_path / "w")
    made.seal(RUN, "v000002")
    result = do(made, order(made, "v000002"))
    assert result["outcome"] == "identical", result
