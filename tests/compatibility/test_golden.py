"""Workspaces of earlier releases are gone on with, whatever lay in them (faults D15, Q2, S7).

Each release adds its file to `golden/` (`make_golden.py` makes it), and none of a release is ever
removed or made again: it is what users' disks hold. `unreleased.tar.gz` has the form from
before the first release, 0.2.0, and stays too.
"""

import json
import re
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import ExitCode
from daemon.folders.models import models
from daemon.layout import QUEUE_STATES
from daemon.training.records.provenance import libraries
from tests.compatibility.make_golden import GOLDEN, pack
from tests.end_to_end.workspace import Workspace, chats

FILES = sorted(GOLDEN.glob("*.tar.gz"))


@pytest.fixture(params=FILES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def space(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """Give a copy of a golden workspace with no daemon in it yet."""
    root = tmp_path / "w"
    with tarfile.open(request.param) as archive:
        archive.extractall(root, filter="data")
    settings = (root / "finetuned.toml").read_text()
    with Workspace(root, settings=settings, whole=True) as workspace:
        yield workspace


def asked(space: Workspace, *words: str, code: ExitCode = ExitCode.OK) -> Any:
    """Return what a command of finetuned says as JSON."""
    argv = [sys.executable, "-m", "daemon", *words, "--json", "--root", str(space.root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def originals(space: Workspace) -> dict[str, bytes]:
    """Return the bytes as dropped of every job, by its name."""
    found = space.layout.queue.glob("*/*/original.jsonl")
    return {path.parent.name: path.read_bytes() for path in found}


def damaged(space: Workspace) -> list[str]:
    """Return what is wrong with the versions."""
    folders = sorted(space.layout.versions.glob("v*"))
    return [f"{folder.name}: {wrong}" for folder in folders if (wrong := models.verify(folder))]


def ledger(space: Workspace) -> list[list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(space.layout.ledger)) as connection:
        return [
            connection.execute(f"select * from {table} order by 1").fetchall()
            for table in ("jobs", "runs", "versions")
        ]


def test_every_release_has_its_golden_workspace() -> None:
    """D15: a release that was forgotten here could be broken without anybody seeing it."""
    changelog = (GOLDEN.parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)
    names = {path.name.removesuffix(".tar.gz") for path in FILES}
    assert {*released, "unreleased"} <= names


def test_there_is_a_golden_workspace_with_a_live_queue_and_a_run_half_done(
    space: Workspace,
) -> None:
    """D15: what a release leaves behind when it is stopped in the middle."""
    assert all(space.jobs(state) for state in ("normal", "running", "done", "failed", "skipped"))
    assert list(space.layout.runs.glob("r*/checkpoints/c*"))
    assert not damaged(space)


def test_the_commands_read_it_before_any_daemon_has_changed_it(space: Workspace) -> None:
    """D15, S7."""
    before = {path: path.lstat().st_mtime_ns for path in space.root.rglob("*")}
    assert asked(space, "status", code=ExitCode.NOT_RUNNING)["status"] == "stopped"
    listed = asked(space, "versions")
    assert [version["version"] for version in listed if version["current"]] == [space.current()]
    assert len(listed) == len(list(space.layout.versions.glob("v*"))) > 1
    assert {path: path.lstat().st_mtime_ns for path in space.root.rglob("*")} == before


@pytest.mark.end_to_end
def test_a_daemon_goes_on_with_it_and_trains_a_further_file_on_top(space: Workspace) -> None:
    """D15: the half-done run ends, what waited is trained, nothing is set aside or lost."""
    waiting = {job for state in ("normal", "running") for job in space.jobs(state)}
    ended = {state: set(space.jobs(state)) for state in ("done", "failed", "skipped")}
    before, start = originals(space), space.current()
    assert space.drain() == 0, space.story()
    space.drop("further.jsonl", chats(30, start=9000))
    assert space.drain() == 0, space.story()
    [further] = set(space.jobs("done")) - waiting - ended["done"]
    assert set(space.jobs("done")) == ended["done"] | waiting | {further}
    assert {state: set(space.jobs(state)) for state in ("failed", "skipped")} == {
        state: ended[state] for state in ("failed", "skipped")
    }
    assert not any(space.jobs(state) for state in QUEUE_STATES[:5])
    chain, version = [], space.manifest(space.current())
    while version["parent"] is not None:
        chain.append(version)
        version = space.manifest(version["parent"])
    assert chain[0]["job_ids"] == [further]
    assert waiting <= {job for manifest in chain for job in manifest["job_ids"]}
    assert start in {manifest["version"] for manifest in chain}
    assert not damaged(space)
    assert {job: data for job, data in originals(space).items() if job in before} == before
    assert not [*space.root.rglob("*corrupt*"), *space.root.rglob("*broken*")]
    assert not space.told("alert")
    assert asked(space, "status", code=ExitCode.NOT_RUNNING)["status"] == "stopped"
    told = ledger(space)
    asked(space, "doctor", "--rebuild-ledger")
    assert ledger(space) == told


@pytest.mark.end_to_end
@pytest.mark.timeout(400)
def test_the_run_half_done_goes_on_from_its_checkpoint_and_versions_are_made_again(
    space: Workspace,
) -> None:
    """D15: bit for bit where code and libraries are the recorded ones, else the first other step
    is named. No version of an earlier release was ever trained again here.
    """
    [run] = space.layout.runs.glob("r*")
    frozen = json.loads((run / "run.json").read_bytes())
    taken = max(int(folder.name[1:]) for folder in run.glob("checkpoints/c*"))
    keep_moments(space)
    assert space.drain() == 0, space.story()
    begun = space.told("run_begun", run=run.name)[0]["message"]
    if frozen["libraries"] == libraries():
        assert f"from step {frozen['step'] + taken} " in begun
    for folder in sorted(space.layout.versions.glob("v*")):
        manifest = space.manifest(folder.name)
        if manifest["run"] is not None and (folder / "run.json").exists():
            assert_made_again(space, manifest)


def keep_moments(space: Workspace) -> None:
    """Keep what a version is made again from: the moments of every one."""
    path = space.layout.settings_file
    path.write_text(re.sub(r"(?m)^moments = \d+$", "moments = 99", path.read_text()))


def assert_made_again(space: Workspace, manifest: dict[str, Any]) -> None:
    argv = ["reproduce", manifest["version"], "--wait", "--rehearse", "--json"]
    command = [sys.executable, "-m", "daemon", *argv, "--root", str(space.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    result = json.loads(done.stdout)
    assert result["outcome"] in ("identical", "different"), result
    changes, steps = result["found"]["changes"], result["found"]["steps"]
    if not {one["what"] for one in changes} & {"commit", "uncommitted changes", *libraries()}:
        assert result["outcome"] == "identical", result
    if result["outcome"] == "different":
        assert changes, "what may be the reason is named"
        assert steps["equal"] < steps["then"] and steps["first_other"]["step"] >= 1, result


def test_packing_the_same_files_gives_the_same_bytes(space: Workspace) -> None:
    packed = pack(space.root)
    for path in space.layout.models.rglob("*.json"):
        path.touch()
    assert pack(space.root) == packed
