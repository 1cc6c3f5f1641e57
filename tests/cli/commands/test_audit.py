"""Audits on real workspaces whose current version was made worse on purpose."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from daemon.folders.models import current_model
from daemon.folders.models.models import MANIFEST, SUM
from daemon.layout import Layout
from tests.cli.conftest import Command
from tests.end_to_end.workspace import Workspace, chats

pytestmark = pytest.mark.end_to_end

ADAPTER = "adapters.safetensors"
SETTINGS = "[inbox]\nsettle_s = 0.1\n[gate]\naudit_every = {every}\n"


@pytest.fixture
def worse(trained: Path, tmp_path: Path) -> Layout:
    """The current version was promoted unproven, and is far from what the rows ask for."""
    return spoil(trained, tmp_path / "w", by=2.0)


def spoil(trained: Path, root: Path, by: float) -> Layout:
    shutil.copytree(trained, root, symlinks=True)
    folder = Layout(root).version("v000002")
    arrays = {
        name: (array + by).astype(np.float32) for name, array in load_file(folder / ADAPTER).items()
    }
    save_file(arrays, folder / ADAPTER)
    data = (folder / ADAPTER).read_bytes()
    manifest = json.loads((folder / MANIFEST).read_bytes())
    facts = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    manifest |= {"verdict": "unproven", "files": manifest["files"] | {ADAPTER: facts}}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (folder / SUM).unlink()
    first = Layout(root).version("v000001") / MANIFEST
    first.write_text(json.dumps(json.loads(first.read_bytes()) | {"verdict": "promote"}))
    first.with_name(SUM).unlink()
    return Layout(root)


def test_a_worse_version_is_rolled_back_with_no_daemon_alive(
    finetuned: Command, worse: Layout
) -> None:
    done = finetuned("audit", "--rehearse", "--root", worse.root)
    assert done.exit_code == 0, done.output
    assert "v000002 is significantly worse than v000001" in done.stdout
    assert "current_model is v000001" in done.stdout
    assert current_model.read(worse) == "v000001"
    status = json.loads(worse.status_file.read_bytes())
    assert "rolled_back" in {alert["code"] for alert in status["active_alerts"]}
    result = json.loads(finetuned("audit", "a000001", "--json", "--root", worse.root).stdout)
    assert result["outcome"] == "worse" and result["tests"][0]["name"] == "lineage_holdout"
    for name in ("details.jsonl", "report.md", "report.html", "report.json", "settled.json"):
        assert (worse.audit("a000001").folder / name).exists()
    nothing = finetuned("audit", "--rehearse", "--root", worse.root)
    assert nothing.exit_code == 1 and "nothing to audit" in nothing.stderr


def test_a_version_that_is_not_worse_stays(
    finetuned: Command, trained: Path, tmp_path: Path
) -> None:
    same = spoil(trained, tmp_path / "w", by=0.0)
    done = finetuned("audit", "--rehearse", "--root", same.root)
    assert done.exit_code == 0, done.output
    assert current_model.read(same) == "v000002"
    assert "significantly worse" not in done.stdout


def test_the_daemon_audits_by_itself_and_trains_on_from_the_proven_version(worse: Layout) -> None:
    """The jobs of the version rolled back stay in done/; what waits is trained on the proven one.

    Rolled back once is enough: the user may go back to the version all the same.
    """
    with Workspace(worse.root, settings=SETTINGS.format(every=1)) as workspace:
        workspace.drop("third.jsonl", chats(80, 1000))
        assert workspace.drain() == 0
        assert workspace.told("audited") and workspace.told("audit_opened")
        assert workspace.current() == "v000003"
        manifest = json.loads((worse.version("v000003") / MANIFEST).read_bytes())
        assert manifest["parent"] == "v000001"
        assert len(workspace.jobs("done")) == 3 and not workspace.jobs("failed")
        workspace.touch("promote", "v000002")
        assert workspace.drain() == 0
        assert workspace.current() == "v000002"
