"""Rows that a run left out are named and come in again, with real processes."""

import json
from pathlib import Path

from tests.end_to_end.workspace import Workspace, chats


def suite_of(space: Workspace, numbers: range) -> Path:
    """Write a suite that asks what some rows ask."""
    path = space.layout.evals / "numbers.jsonl"
    questions = [row["messages"][0]["content"] for row in chats(len(numbers), numbers.start)]
    path.write_text("".join(json.dumps({"prompt": question}) + "\n" for question in questions))
    return path


def rejected(space: Workspace, place: int) -> list[tuple[int, str]]:
    """Return (line, code) of what was rejected of a job."""
    lines = space.layout.job("done", space.jobs("done")[place]).rejected.read_bytes().splitlines()
    return sorted((record["line"], record["code"]) for record in map(json.loads, lines))


def drop_and_hold(space: Workspace, name: str, rows: list[dict[str, object]]) -> None:
    """Have a file read but not trained yet."""
    space.touch("pause")
    space.start("--until-idle")
    space.drop(name, rows)
    space.wait("a queued job", lambda: space.jobs("normal"))


def test_a_file_of_which_no_row_may_be_trained_any_more_ends_so_and_comes_in_again(
    tmp_path: Path,
) -> None:
    """What was left out as a run started was told to nobody, as "trained before"."""
    with Workspace(tmp_path / "w") as space:
        drop_and_hold(space, "one.jsonl", chats(12))
        suite = suite_of(space, range(12))
        (space.layout.control / "pause").unlink()
        assert space.wait_for_exit() == 0
        card = space.job("done")
        assert (card["outcome"], card["version"]) == ("nothing_left", None)
        assert "on an exam" in card["reason"] and space.current() == "v000000"
        train = space.report("done")["rows"]["train"]
        assert [code for _, code in rejected(space, 0)] == ["exam_row"] * train
        suite.unlink()
        space.drop("again.jsonl", chats(12))
        assert space.drain() == 0
        assert space.job("done", 1)["outcome"] == "trained" and space.current() == "v000001"


def test_rows_left_out_of_a_version_stand_in_it_and_in_the_file_and_are_not_seen(
    tmp_path: Path,
) -> None:
    """They counted as seen: dropped again, they were duplicates of rows that nothing trained."""
    with Workspace(tmp_path / "w") as space:
        drop_and_hold(space, "one.jsonl", chats(12))
        suite = suite_of(space, range(4))
        (space.layout.control / "pause").unlink()
        assert space.wait_for_exit() == 0
        manifest, job = space.manifest("v000001"), space.jobs("done")[0]
        gone = manifest["rows_dropped"][job]["exam_row"]
        assert gone and len(rejected(space, 0)) == len(gone)
        suite.unlink()
        space.drop("again.jsonl", chats(12))
        assert space.drain() == 0
        assert space.manifest("v000002")["rows_by_job"] == {space.jobs("done")[1]: len(gone)}
        space.drop("third.jsonl", chats(12))
        assert space.drain() == 0
        assert space.job("done", 2)["outcome"] == "nothing_new"
