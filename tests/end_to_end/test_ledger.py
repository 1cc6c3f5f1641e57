"""The ledger with a real daemon: made again from the folders it is the same (faults Q2, D15)."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.workspace import Workspace, chats

pytestmark = pytest.mark.end_to_end
ORDER = {"jobs": "job", "runs": "run", "versions": "version"}


def rows(space: Workspace, table: str) -> list[dict[str, Any]]:
    """Return a table of the ledger, by its key or by time."""
    with closing(sqlite3.connect(space.layout.ledger)) as connection:
        connection.row_factory = sqlite3.Row
        order = ORDER.get(table, "at")
        return [dict(row) for row in connection.execute(f"select * from {table} order by {order}")]


def doctor(space: Workspace) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "daemon", "doctor", "--rebuild-ledger", "--json"]
    return subprocess.run(
        [*argv, "--root", str(space.root)], capture_output=True, text=True, check=False
    )


def rebuilt(space: Workspace) -> dict[str, Any]:
    done = doctor(space)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def live(space: Workspace) -> None:
    """Let a daemon see much: two trained files, a refused one, a rollback, a skip, a second try."""
    space.drop("first.jsonl", chats(12))
    space.drop("refused.jsonl", ["no json", "neither"])
    assert space.drain() == 0
    space.drop("second.jsonl", chats(12, start=100))
    assert space.drain() == 0
    settings = space.layout.settings_file.read_text()
    space.layout.settings_file.write_text(settings + "[training]\nepochs = 400\n")
    space.drop("skipped.jsonl", chats(60, start=300))
    space.start()
    space.wait("steps", lambda: any(line["run"] == "r000003" for line in space.metrics()))
    space.touch("rollback", "v000001")
    space.wait("another run", lambda: any(line["run"] == "r000004" for line in space.metrics()))
    space.touch("skip")
    space.wait("a skipped job", lambda: space.jobs("skipped"))
    assert space.terminate() == 0
    space.layout.settings_file.write_text(settings)
    again = next(job for job in space.jobs("done") if "second" in job)
    space.touch("retry", again)
    assert space.drain() == 0


def test_a_ledger_made_again_has_the_same_jobs_runs_and_versions(tmp_path: Path) -> None:
    """Q2: lost, the ledger comes back row by row, and what cannot come back is named."""
    with Workspace(tmp_path / "w") as space:
        live(space)
        before = {table: rows(space, table) for table in ORDER}
        promoted = {row["version"] for row in rows(space, "promotions")}
        space.layout.ledger.unlink()
        told = rebuilt(space)
        for table in ORDER:
            assert rows(space, table) == before[table], table
        assert [row["outcome"] for row in before["runs"]] == [
            "trained",
            "trained",
            "returned",
            "skipped",
            "trained",
        ]
        assert sorted({row["outcome"] for row in before["jobs"]}) == [
            "refused",
            "skipped",
            "trained",
        ]
        assert [row["version"] for row in before["versions"]] == [
            f"v{number:06d}" for number in range(4)
        ]
        assert all(row["ended_at"] for row in (*before["jobs"], *before["runs"]))
        for row in rows(space, "versions"):
            scores = space.manifest(row["version"]).get("evaluations") or {}
            assert json.loads(row["evaluations"]) == scores
        assert json.loads(before["versions"][-1]["evaluations"])
        assert {row["version"] for row in rows(space, "promotions")} <= promoted
        assert space.current() in {row["version"] for row in rows(space, "promotions")}
        assert told["old"] is None
        assert "answers to commands" in told["lost"]
        assert rows(space, "commands") == []


def test_a_whole_ledger_keeps_everything_and_one_of_a_run_in_progress_is_equal_too(
    tmp_path: Path,
) -> None:
    """Q2: what lies nowhere else is taken over, once; a stopped run is there, not ended."""
    with Workspace(tmp_path / "w") as space:
        settings = space.layout.settings_file.read_text()
        space.layout.settings_file.write_text(settings + "[training]\nepochs = 400\n")
        space.drop("a.jsonl", chats(60))
        space.start()
        space.wait("steps", lambda: len(space.metrics()) > 3)
        done = doctor(space)
        assert done.returncode == 4, done.stdout
        assert f"is in use by process {space.pid}" in done.stderr.replace("\n", " ")
        space.touch("stop")
        assert space.wait_for_exit() == 0
        tables = (*ORDER, "promotions", "commands", "evaluations")
        before = {table: rows(space, table) for table in tables}
        assert before["commands"] and before["runs"][0]["ended_at"] is None
        for _ in range(2):
            told = rebuilt(space)
            assert {table: rows(space, table) for table in tables} == before
            assert told["lost"] is None
        asides = list(space.layout.queue.glob("ledger.sqlite3.replaced-*"))
        assert str(space.layout.ledger) not in map(str, asides)
        assert Path(told["old"]) in asides and len(asides) == 2


def test_the_daemon_works_on_beside_a_damaged_ledger_and_says_how_to_mend_it(
    tmp_path: Path,
) -> None:
    """Q2: garbage is set aside by the daemon; the rebuild brings its first rows back."""
    with Workspace(tmp_path / "w") as space:
        space.drop("a.jsonl", chats(12))
        assert space.drain() == 0
        before = rows(space, "jobs")
        space.layout.ledger.write_bytes(b"garbage" * 2000)
        space.drop("b.jsonl", chats(12, start=100))
        assert space.drain() == 0
        [event] = space.told("ledger_aside")
        assert "doctor --rebuild-ledger" in event["message"]
        [aside] = space.layout.queue.glob("ledger.sqlite3.corrupt-*")
        assert aside.read_bytes() == b"garbage" * 2000
        [second] = rows(space, "jobs")
        rebuilt(space)
        assert rows(space, "jobs") == [*before, second]
        space.layout.ledger.unlink()
        assert space.drain() == 0
        assert space.told("ledger_missing")


def test_a_daemon_refuses_a_ledger_of_a_newer_version_in_one_sentence(tmp_path: Path) -> None:
    """D15: after a downgrade nothing is touched, and the way out is named."""
    with Workspace(tmp_path / "w") as space:
        assert space.drain() == 0
        with closing(sqlite3.connect(space.layout.ledger)) as connection:
            connection.execute("pragma journal_mode = delete")
            connection.execute("pragma user_version = 99")
        before = space.layout.ledger.read_bytes()
        (space.root / "console.txt").unlink()
        assert space.drain() == 1
        console = " ".join((space.root / "console.txt").read_text().split())
        assert "newer finetuned (schema 99, this one reads 1): install that version" in console
        assert "Traceback" not in console
        done = doctor(space)
        assert done.returncode == 1
        assert "newer finetuned" in done.stderr
        assert space.layout.ledger.read_bytes() == before


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b"[training\nepochs =", None])
def test_settings_that_cannot_be_read_stop_the_start_with_a_reason_and_stay(
    tmp_path: Path, damage: bytes | None
) -> None:
    """Q2: bytes that are no text, a file cut off, a directory in its place."""
    with Workspace(tmp_path / "w") as space:
        path = space.layout.settings_file
        path.unlink()
        if damage is None:
            path.mkdir()
        else:
            path.write_bytes(damage)
        assert space.drain() == 2
        console = (space.root / "console.txt").read_text()
        assert "finetuned.toml" in console
        assert "Traceback" not in console
        assert path.is_dir() if damage is None else path.read_bytes() == damage
        assert not list(space.root.glob("finetuned.toml?*"))


def test_settings_damaged_under_a_living_daemon_leave_the_old_ones_in_force(
    tmp_path: Path,
) -> None:
    """Q2: the alert stands until the file is mended; nothing is written over it."""
    with Workspace(tmp_path / "w") as space:
        path = space.layout.settings_file
        good = path.read_bytes()
        space.start()
        space.wait("the first version", lambda: space.layout.current_model.exists())
        path.write_bytes(b"\xff\xfe\x00")
        space.wait("an alert", lambda: space.told("alert", code="settings"))
        space.drop("a.jsonl", chats(12))
        space.wait("a trained file", lambda: space.jobs("done"))
        assert path.read_bytes() == b"\xff\xfe\x00"
        path.write_bytes(good)
        space.wait("the end of the alert", lambda: space.told("alert_ended", code="settings"))


@pytest.mark.parametrize("report_too", [False, True])
def test_a_job_whose_card_is_damaged_is_told_and_trained_all_the_same(
    tmp_path: Path, report_too: bool
) -> None:
    """Q2: the alert says where its old card lies; a job without a report is read again."""
    with Workspace(tmp_path / "w") as space:
        space.touch("pause")
        space.drop("a.jsonl", chats(12))
        space.start()
        space.wait("a waiting job", lambda: space.jobs("normal"))
        assert space.terminate() == 0
        [job] = space.jobs("normal")
        space.layout.job("normal", job).job_file.write_bytes(b"")
        if report_too:
            space.layout.job("normal", job).report.write_bytes(b"{")
        (space.layout.control / "pause").unlink()
        assert space.drain() == 0
        assert space.jobs("done") == [job]
        [alert] = space.told("alert", code="jobs")
        [aside] = space.layout.job("done", job).folder.glob("job.json.corrupt-*")
        assert job in alert["message"] and aside.name in alert["message"]
        assert aside.read_bytes() == b""


def test_an_ended_job_of_a_newer_version_is_not_retried_and_ends_no_daemon(tmp_path: Path) -> None:
    """D15: the request is answered with the reason, and the daemon lives on."""
    with Workspace(tmp_path / "w") as space:
        space.drop("refused.jsonl", ["no json", "neither"])
        assert space.drain() == 0
        [job] = space.jobs("failed")
        path = space.layout.job("failed", job).job_file
        path.write_text(json.dumps(json.loads(path.read_bytes()) | {"schema_version": 2}))
        before = path.read_bytes()
        space.touch("retry", job)
        assert space.drain() == 0
        [answer] = space.told("command", command="retry", answer="refused")
        assert "newer finetuned (schema 2, this one reads 1)" in answer["message"]
        assert path.read_bytes() == before
