"""Rows for which memory runs out are shortened as `training.over_long` says."""

from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.rows.examples import Chat, Turn
from daemon.training.engine.protocol import ADAPTER
from daemon.training.records.history import read_steps
from tests.training.rehearsed import JOB, TRAIN, alerts
from tests.training.run.test_untrained_rows import Cramped
from tests.training.workspace import SETTINGS, Workspace, after_steps, chats, make_workspace

LONG_ROW = 3


def long_chat(exchanges: int = 2) -> Chat:
    """A conversation of about a hundred tokens an exchange; each byte is a token."""
    turns = (
        turn
        for number in range(exchanges)
        for turn in (Turn("user", "x" * 60 + str(number)), Turn("assistant", f"it is {number}"))
    )
    return Chat(tuple(turns))


def workspace(root: Path, policy: str, row: Chat) -> Workspace:
    made = make_workspace(root, Cramped())
    rows = chats(12)
    rows[LONG_ROW] = row
    made.add_job(JOB, rows, chats(6, "held"))
    training = {**SETTINGS["training"], "over_long": policy}
    settings = {**SETTINGS, "training": training, "checkpoint": {"steps": 1}}
    made.ask_run("r000001", [JOB], settings=settings)
    return made


def draft(made: Workspace) -> dict[str, Any]:
    return dict(made.read(made.layout.run("r000001").draft))


@pytest.mark.parametrize(("policy", "pieces"), [("truncate", 1), ("split", 2)])
def test_after_memory_ran_out_a_long_row_is_shortened_by_the_policy(
    tmp_path: Path, policy: str, pieces: int
) -> None:
    """It was put aside, whatever the user had chosen for rows that are too long."""
    made = workspace(tmp_path / "w", policy, long_chat())
    pipe = made.serve(Cramped(), TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady"
    found = draft(made)
    (row,) = found["rows_shortened"]
    assert (row["job"], row["row"], row["line"]) == (JOB, LONG_ROW, LONG_ROW + 1)
    assert (row["how"], row["pieces"], row["most_tokens"]) == (policy, pieces, 128)
    assert row["tokens"] > 128
    assert found["rows_set_aside"] == [] and found["rows_by_job"] == {JOB: 12}
    place = made.layout.run("r000001").candidate
    taken = read_steps(place / "training_metrics.json")
    trained = [row for step in taken for row in step["trained"][JOB]]
    # Once in each of two epochs, though it is two texts where it is split.
    assert sorted(trained) == sorted([*range(12), *range(12)])


def test_the_alert_and_the_report_say_what_was_shortened(tmp_path: Path) -> None:
    """A version that learned from half a row looked like any other."""
    made = workspace(tmp_path / "w", "truncate", long_chat())
    pipe = made.serve(Cramped(), TRAIN)
    assert "rows_shortened" in alerts(pipe) and "rows_set_aside" not in alerts(pipe)
    (message,) = {
        one.message
        for one in pipe.sent
        if isinstance(one, say.Alerted) and one.code == "rows_shortened"
    }
    assert "1 row(s) cut off after 128 tokens" in message and "training.over_long" in message
    candidate = made.layout.run("r000001").candidate
    for name in ("report.md", "report.html"):
        assert "Note: 1 row(s) cut off after 128 tokens" in (candidate / name).read_text()


def test_what_cannot_be_split_to_fit_is_skipped_as_before(tmp_path: Path) -> None:
    """An exchange that is too long by itself has no place to be split at."""
    row = Chat((Turn("user", "x" * 300), Turn("assistant", "it is long")))
    made = workspace(tmp_path / "w", "split", row)
    pipe = made.serve(Cramped(), TRAIN)
    assert pipe.kinds()[-1] == "CandidateReady" and "rows_set_aside" in alerts(pipe)
    found = draft(made)
    assert found["rows_shortened"] == [] and found["rows_set_aside"][0]["code"] == "no_room"


def test_a_kill_changes_nothing_in_what_a_run_with_shortened_rows_learns(tmp_path: Path) -> None:
    """Which rows are shortened, and to what, follows from what was frozen."""
    weights = []
    for name, react in (("left", lambda _: ()), ("killed", after_steps(3, say.Abandon()))):
        made = workspace(tmp_path / name, "split", long_chat(3))
        made.serve(Cramped(), TRAIN, react=react)
        made.serve(Cramped(), TRAIN)
        weights.append((made.layout.run("r000001").candidate / ADAPTER).read_bytes())
    assert weights[0] == weights[1]
