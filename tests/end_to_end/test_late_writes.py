"""A program that keeps a dropped file open and writes on: nothing it writes is lost (fault N2)."""

import json
import os
from pathlib import Path
from typing import Any

from tests.end_to_end.workspace import Workspace, chats

SETTINGS = "[inbox]\nsettle_s = 0.1\nrescan_s = 0.2\n[evaluation]\neval_every = 0\n"


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def taught(space: Workspace) -> int:
    """Return how many rows the current version has learned from its jobs and their hold-outs."""
    done = range(len(space.jobs("done")))
    return sum(space.report("done", n)["rows"][k] for n in done for k in ("train", "holdout"))


def test_what_is_appended_after_the_file_was_taken_is_trained_too(tmp_path: Path) -> None:
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        first, second, third = lines(chats(10)), lines(chats(7, start=50)), lines(chats(4, 80))
        with (space.layout.inbox / "chat.jsonl").open("wb", buffering=0) as program:
            program.write(first)
            space.start()
            space.wait("trained", lambda: space.jobs("done"))
            program.write(second + third[:20])
            space.wait("half a line waits", lambda: space.told("passed_on"))
            program.write(third[20:])
            space.wait("all trained", lambda: len(space.jobs("done")) == 3)
        assert space.terminate() == 0
        names = [space.job("done", n)["name"] for n in range(len(space.jobs("done")))]
        at = len(first), len(first + second)
        assert names == ["chat.jsonl", *(f"000001-chat-from-{n}.jsonl" for n in at)]
        originals = [space.layout.job("done", job).original for job in space.jobs("done")]
        data = [path.read_bytes() for path in originals]
        assert data == [first + second + third, second, third]
        assert taught(space) == 10 + 7 + 4


def test_a_crash_after_passing_on_does_not_pass_on_again(tmp_path: Path) -> None:
    """The file lies in the inbox already; the job's card does not know yet."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        first, second = lines(chats(10)), lines(chats(7, start=50))
        space.drop("chat.jsonl", first)
        assert space.drain() == 0
        original = space.layout.job("done", space.jobs("done")[0]).original
        with original.open("ab") as program:
            program.write(second)
        space.drop(f"000001-chat-from-{len(first)}.jsonl", second)
        assert space.drain() == 0
        assert len(space.jobs("done")) == 2
        assert space.job("done")["passed_on"] == len(first + second)
        # The same, where it has become a job already.
        card = space.layout.job("done", space.jobs("done")[0]).job_file
        record = json.loads(card.read_bytes()) | {"passed_on": 0}
        card.write_text(json.dumps(record))
        assert space.drain() == 0
        assert len(space.jobs("done")) == 2
        assert space.job("done")["passed_on"] == len(first + second)
        assert os.listdir(space.layout.inbox / "high") == []


def test_an_array_and_a_table_that_are_written_to_late_are_read_again_as_a_whole(
    tmp_path: Path,
) -> None:
    """Half an array is no file, and lines of a table without its names are none either."""
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(40)]
    table = "".join(f"what is {n}?,it is {n}\n" for n in range(100, 130))
    with Workspace(tmp_path / "w", settings=SETTINGS) as space:
        with (
            (space.layout.inbox / "list.json").open("w+") as array,
            (space.layout.inbox / "table.csv").open("w") as appended,
        ):
            array.write(json.dumps(rows[:20]))
            appended.write("prompt,completion\n" + table[: len(table) // 2])
            array.flush()
            appended.flush()
            space.start()
            space.wait("both trained", lambda: len(space.jobs("done")) == 2)
            array.seek(0)
            array.write(json.dumps(rows))
            array.truncate()
            appended.write(table[len(table) // 2 :])
        space.wait("both again", lambda: len(space.jobs("done")) == 4)
        assert space.terminate() == 0
        assert space.drain() == 0
        names = [space.job("done", n)["name"] for n in range(4)]
        again = {name.partition("-rewritten-")[0][7:] for name in names[2:]}
        assert again == {"list", "table"}
        assert taught(space) == 40 + 30
        assert len(space.jobs("done")) == 4, "and no more: the copies are whole"
        told = [event["message"] for event in space.events() if event["event"] == "passed_on"]
        assert len(told) == 2 and all("overwritten after it was claimed" in said for said in told)
