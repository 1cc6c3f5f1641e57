"""The main job with real processes and the stand-in trainer: drop a file, get a version."""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from daemon.core.status.schema import SCHEMA
from tests.end_to_end.workspace import Workspace, chats


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w", whole=True)


def test_a_dropped_file_becomes_the_current_version(space: Workspace) -> None:
    """Fault N20, invariant I1."""
    with space:
        space.drop("numbers.jsonl", chats(40))
        assert space.drain() == 0
        assert space.current() == "v000001"
        manifest = space.manifest("v000001")
        assert manifest["parent"] == "v000000"
        assert manifest["job_ids"] == space.jobs("done")
        assert manifest["step"] > 0 and manifest["verdict"] in ("promote", "unproven")
        assert {"adapters.safetensors", "optimizer.safetensors"} <= set(manifest["files"])
        original = space.layout.job("done", space.jobs("done")[0]).original
        assert original.read_text() == "".join(json.dumps(r) + "\n" for r in chats(40))
        status = space.status()
        jsonschema.validate(status, SCHEMA)
        assert status["status"] == "stopped" and status["current_step"] == manifest["step"]
        assert space.metrics()[-1]["step"] == manifest["step"]
        assert list(space.layout.runs.glob("r*")) == []


def test_a_second_file_continues_where_the_first_ended(space: Workspace) -> None:
    with space:
        space.drop("one.jsonl", chats(40))
        assert space.drain() == 0
        space.drop("two.jsonl", chats(40, start=100))
        assert space.drain() == 0
        first, second = space.manifest("v000001"), space.manifest("v000002")
        assert second["parent"] == "v000001" and second["step"] > first["step"]
        rates: dict[str, list[float]] = {}
        for line in space.metrics():
            rates.setdefault(line["run"], []).append(line["learning_rate"])
        one, two = (sum(values) / len(values) for values in rates.values())
        assert two >= one / 2
        steps = [line["step"] for line in space.metrics()]
        assert steps == list(range(1, len(steps) + 1))


def test_ten_small_files_make_one_run_and_one_version(space: Workspace) -> None:
    with space:
        (space.layout.control / "pause").touch()
        space.start()
        for number in range(10):
            space.drop(f"row{number}.jsonl", chats(1, start=number))
        space.wait("ten queued jobs", lambda: len(space.jobs("normal")) == 10)
        (space.layout.control / "pause").unlink()
        space.wait("ten done jobs", lambda: len(space.jobs("done")) == 10)
        space.wait("an idle daemon", lambda: space.status()["status"] == "idle")
        assert space.current() == "v000001"
        assert len(space.manifest("v000001")["job_ids"]) == 10


def test_bad_files_and_a_link_harm_no_good_one(space: Workspace, tmp_path: Path) -> None:
    """Faults N11, P1, invariant I6."""
    secret = tmp_path / "secret.jsonl"
    secret.write_text("do not touch")
    with space:
        good = [json.dumps(row) for row in chats(30)]
        space.drop("broken.jsonl", [*good[:20], "{oops", *good[20:25]])
        space.drop("hopeless.jsonl", ["{", "nothing here", "[1]"])
        space.drop("good.jsonl", chats(30, start=500))
        (space.layout.inbox / "link.jsonl").symlink_to(secret)
        assert space.drain() == 3
        assert len(space.jobs("done")) == 2 and len(space.jobs("failed")) == 1
        lines = [
            example["line"]
            for reason in space.report("failed")["reasons"]
            for example in reason["examples"]
        ]
        assert sorted(lines) == [1, 2, 3]
        broken = next(
            space.report("done", place)
            for place in (0, 1)
            if space.job("done", place)["name"] == "broken.jsonl"
        )
        assert [e["line"] for r in broken["reasons"] for e in r["examples"]] == [21]
        assert (space.layout.inbox / "link.jsonl").is_symlink()
        assert secret.read_text() == "do not touch"
        assert [item["name"] for item in space.told("leftover")] == ["'link.jsonl'"]


def test_the_same_rows_under_another_name_train_nothing(space: Workspace) -> None:
    """Faults N7, P20."""
    with space:
        space.drop("one.jsonl", chats(30))
        assert space.drain() == 0
        space.drop("again.jsonl", chats(30))
        assert space.drain() == 0
        assert space.current() == "v000001"
        assert space.job("done", 1)["outcome"] == "nothing_new"


def test_a_rank_edited_in_the_settings_blocks_and_harms_no_job(space: Workspace) -> None:
    """Faults T6, T8."""
    with space:
        space.drop("one.jsonl", chats(30))
        assert space.drain() == 0
        text = space.layout.settings_file.read_text()
        space.layout.settings_file.write_text(text + "[training]\nrank = 4\n")
        space.start()
        space.drop("two.jsonl", chats(30, start=100))
        space.wait("a blocked daemon", lambda: space.status().get("status") == "blocked")
        space.wait("a queued job", lambda: len(space.jobs("normal")) == 1)
        assert "lineage new" in space.status()["message"]
        space.layout.settings_file.write_text(text)
        space.wait("two done jobs", lambda: len(space.jobs("done")) == 2)


def test_a_second_daemon_is_refused_and_told_who_holds_the_workspace(space: Workspace) -> None:
    """Fault Q4."""
    with space:
        space.start()
        space.wait("a status", space.status)
        settings = space.layout.settings_file.read_text()
        other = Workspace(space.root, settings=settings, whole=True)
        other.start()
        assert other.wait_for_exit() == 4
        assert str(space.pid) in (space.root / "console.txt").read_text()


def test_a_dead_daemon_can_be_told_from_its_status(space: Workspace) -> None:
    """Faults S3, S5, invariant I5."""
    with space:
        space.start()
        space.wait("an idle daemon", lambda: space.status().get("status") == "idle")
        pid = space.status()["pid"]
        assert pid == space.pid
        before = space.status()["seq"]
        space.kill()
        assert space.status()["pid"] == pid
        space.start()
        space.wait("a new boot", lambda: space.status()["pid"] != pid)
        assert space.status()["seq"] > before


def test_the_link_of_a_deleted_current_model_is_made_again(space: Workspace) -> None:
    """Fault V5."""
    with space:
        space.drop("one.jsonl", chats(30))
        assert space.drain() == 0
        os.unlink(space.layout.current_model)
        assert space.drain() == 0
        assert space.current() == "v000001"
