"""Rows that a run cannot train: what is put aside, and a step or a run with none left."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.core import messages as say
from daemon.core.rows.examples import Chat, Turn
from daemon.folders.models import machine
from daemon.folders.models.models import Models
from daemon.folders.runs import left_out
from daemon.text.encoder import Encoded
from daemon.training.engine.protocol import NOT_APPLIED, EncodedPass, StepResult
from tests.training.rehearsed import (
    JOB,
    TRAIN,
    Rehearsal,
    alerts,
    steps,
    workspace,
)
from tests.training.workspace import (
    SETTINGS,
    Workspace,
    chats,
    make_workspace,
)

__all__ = ["workspace"]


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
    assert "30 with a loss that is not finite" in ended["message"]
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
