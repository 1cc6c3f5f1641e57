"""Damaged bytes are found wherever they lie (faults T2, T5, V3), and what is whole is used.

Also Q2: a run whose own files cannot be understood is set aside, and its jobs are trained anew.
"""

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

from daemon.layout import Layout
from tests.end_to_end.workspace import Workspace, chats
from tests.reliability.damage import (
    SETTINGS,
    all_of,
    damage,
    killed_in_its_second_run,
    not_found,
    of_a_tiny_model,
)

SEED, POSITIONS = 20261121, 1_000


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one version, whose daemon was killed in its second run."""
    root = tmp_path_factory.mktemp("killed") / "w"
    with Workspace(root, settings=SETTINGS) as space:
        killed_in_its_second_run(space)
    return root


@pytest.fixture(scope="module")
def ended(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same workspace, come to its end."""
    root = tmp_path_factory.mktemp("ended") / "w"
    with copy_of(killed, root) as space:
        assert space.drain() == 0, space.story()
    return root


def copy_of(root: Path, target: Path) -> Workspace:
    shutil.copytree(root, target, symlinks=True)
    return Workspace(target, settings=SETTINGS)


def test_a_thousand_damages_are_all_found_and_the_checkpoint_before_is_used(
    killed: Path, tmp_path: Path
) -> None:
    kept = all_of(copy_of(killed, tmp_path / "w").layout, "r000002")
    assert not not_found([*kept, *of_a_tiny_model(tmp_path / "tiny")], SEED, POSITIONS)


def test_the_daemon_goes_on_from_the_checkpoint_before_and_says_so(
    killed: Path, ended: Path, tmp_path: Path
) -> None:
    """Fault T5, invariant I3: the end is that of a run that nothing happened to."""
    draw = random.Random(SEED)
    with copy_of(killed, tmp_path / "w") as space:
        newest = sorted(space.layout.run("r000002").checkpoints.glob("c*"))[-1]
        path = draw.choice(sorted(newest.iterdir()))
        damage(path, "flipped", draw.randrange(path.stat().st_size), draw)
        assert space.drain() == 0, space.story()
        [alert] = space.told("alert", code="checkpoint_damaged")
        assert newest.name in alert["message"]
        calm = Layout(ended).version("v000002") / "adapters.safetensors"
        assert space.digest("v000002") == hashlib.sha256(calm.read_bytes()).hexdigest()


def test_a_damaged_current_version_holds_everything_up_and_names_the_way_out(
    ended: Path, tmp_path: Path
) -> None:
    """Fault V3: nothing is trained from it, no job is touched, a whole version is named."""
    with copy_of(ended, tmp_path / "w") as space:
        for copy in space.layout.backups.iterdir():
            (copy / "adapters.safetensors").unlink()
        damage(space.layout.version("v000002") / "adapters.safetensors", "cut", 5, random.Random(1))
        space.drop("c.jsonl", chats(12, start=200))
        assert space.drain() == 5, space.story()
        [refused] = space.told("run_refused", code="version_damaged")
        assert "v000002 is damaged: adapters.safetensors" in refused["message"]
        assert "'finetuned promote v000001'" in refused["message"]
        assert not space.told("job_ended", outcome="crashed")


def test_a_current_version_whose_manifest_is_damaged_is_left_for_the_newest_whole_one(
    ended: Path, tmp_path: Path
) -> None:
    """Faults T5, V5: a digit that JSON has nothing against; the event names the version."""
    with copy_of(ended, tmp_path / "w") as space:
        path = space.layout.version("v000002") / "manifest.json"
        manifest = json.loads(path.read_bytes())
        text = json.dumps({**manifest, "step": manifest["step"] + 1}, indent=1)
        path.write_text(f"{text}\n")
        assert space.drain() == 0, space.story()
        assert space.current() == "v000001"
        [alert] = space.told("alert", code="versions")
        assert "v000002" in alert["message"] and "manifest.sha256" in alert["message"]
        assert space.told("promoted", version="v000001")[-1]["previous"] is None
        assert path.read_text() == f"{text}\n"


def test_a_run_that_cannot_be_understood_is_set_aside_and_its_jobs_are_trained(
    killed: Path, tmp_path: Path
) -> None:
    """Q2, I8: no traceback; the old run stays for whoever wants to look at it."""
    with copy_of(killed, tmp_path / "w") as space:
        [job] = space.jobs("running")
        (space.layout.run("r000002").folder / "request.json").write_bytes(b'{"run": "r00')
        assert space.drain() == 0, space.story()
        [alert] = space.told("alert", code="runs")
        assert "models/runs/damaged-r000002-1" in alert["message"]
        aside = space.layout.runs / "damaged-r000002-1"
        assert (aside / "request.json").read_bytes() == b'{"run": "r00'
        assert job in space.jobs("done")
        assert space.manifest("v000002")["run"] == "r000003"
