"""A record of a later release is refused in one sentence, and nothing on the disk is changed.

A newer `request.json` was set aside as damaged and its jobs were trained anew, and other records
of a later release were replaced, moved away or left out in the same way.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.core import messages as say
from daemon.core.decisions.blocking import NEWER, Circumstances, Refusal, is_outdated
from daemon.core.records import NewerRecord
from daemon.core.training.fallback import Fallback
from daemon.core.workspace.orders import KINDS, Kind, name_of
from daemon.errors import DaemonFault
from daemon.folders.inbox import arrivals
from daemon.folders.models import bases, machine, models
from daemon.folders.models.models import Models
from daemon.folders.orders.audits import Audits
from daemon.folders.orders.orders import Orders
from daemon.folders.queue import readings, reports
from daemon.folders.queue.queue import read_cards
from daemon.folders.runs import runs
from daemon.folders.runs.run_requests import RunRequests, read_records
from daemon.layout import Layout
from daemon.layout_jobs import RunLayout
from daemon.model.hub_listing import read_listing
from daemon.training.records.holdout_losses import read_losses
from daemon.training.records.state import RunState, first_progress
from tests.supervisor.parts import parts_of
from tests.training.rehearsed import TRAIN, Rehearsal, workspace
from tests.training.workspace import Workspace, after_steps

__all__ = ["workspace"]

RUN = "models/runs/r000001"
VERSION = "models/versions/v000001"
CHECKPOINT = f"{RUN}/checkpoints/c00000004"
CLAIM = "queue/incoming/000001-a"


def run_in(layout: Layout) -> RunLayout:
    return layout.run("r000001")


def read_run(layout: Layout) -> object:
    return RunRequests(layout).read_or_quarantine()


def read_run_request(layout: Layout) -> object:
    return RunRequests(layout).request("r000001")


def look_at_base(layout: Layout) -> object:
    return bases.read_facts(layout, "m")


READERS: list[tuple[str, Callable[[Layout], object]]] = [
    (f"{RUN}/request.json", read_run),
    (f"{RUN}/request.json", read_records),
    (f"{RUN}/request.json", read_run_request),
    (f"{RUN}/run.json", lambda layout: runs.read_frozen(run_in(layout))),
    (f"{RUN}/run.json", lambda layout: RunRequests(layout).total_steps("r000001")),
    (f"{RUN}/attempts.json", lambda layout: RunRequests(layout).reset_attempts("r000001")),
    (f"{RUN}/attempts.json", lambda layout: RunRequests(layout).attempts("r000001")),
    (f"{RUN}/exam.json", lambda layout: runs.note_exam_progress(run_in(layout))),
    (f"{RUN}/candidate/draft.json", lambda layout: RunRequests(layout).draft("r000001")),
    (f"{RUN}/samples.json", lambda layout: runs.read_sample_count(run_in(layout))),
    (f"{RUN}/ladder.json", lambda layout: runs.read_fallbacks(run_in(layout))),
    (
        f"{RUN}/ladder.json",
        lambda layout: runs.append_fallback(run_in(layout), Fallback(0, 64)),
    ),
    (f"{RUN}/stopped.json", lambda layout: runs.read_stopped(run_in(layout))),
    (f"{CHECKPOINT}/manifest.json", lambda layout: runs.newest_checkpoint(run_in(layout))),
    (f"{CHECKPOINT}/state.json", lambda layout: RunState.read(layout.root / CHECKPOINT, 0)),
    ("models/runs/.ended/r000001.json", read_records),
    (f"{VERSION}/manifest.json", lambda layout: models.read_manifest(layout.root / VERSION)),
    (f"{VERSION}/manifest.json", lambda layout: models.verify(layout.root / VERSION)),
    (f"{VERSION}/training_state.json", lambda layout: first_progress(layout.root / VERSION)),
    (f"{VERSION}/training_state.json", lambda layout: Models(layout).training_state("v000001")),
    (f"{VERSION}/holdout_losses.json", lambda layout: read_losses(layout.root / VERSION)),
    ("models/base/m.json", look_at_base),
    ("models/base/m/hub.json", lambda layout: read_listing(layout.bases / "m", "m")),
    (f"{CLAIM}/job.json", read_cards),
    (f"{CLAIM}/report.json", lambda layout: reports.read(layout.job("incoming", "000001-a"))),
    (f"{CLAIM}/reading.json", lambda layout: readings.begin(layout.job("incoming", "000001-a"))),
    ("queue/.arriving/abc/source.json", arrivals.waiting),
]


def write_newer(layout: Layout, file: str) -> Path:
    """Lay a record of a later release; of its other keys this release can know nothing."""
    path = layout.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"schema_version": 2, "of_a_later_release": {}}')
    for beside in ("original", "original.jsonl"):
        if path.parent.parent.name in ("incoming", ".arriving"):
            (path.parent / beside).write_text("{}")
    return path


def content_of(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("file", "read"), READERS, ids=[file for file, _ in READERS])
def test_a_record_of_a_later_release_is_refused_and_left_as_it_is(
    file: str, read: Callable[[Layout], object], tmp_path: Path
) -> None:
    layout = Layout(tmp_path)
    write_newer(layout, file)
    (tmp_path / "models/runs").mkdir(parents=True, exist_ok=True)
    before = content_of(tmp_path)
    with pytest.raises(DaemonFault) as raised:
        read(layout)
    assert "was written by a newer finetuned (schema 2, this one reads 1)" in str(raised.value)
    assert "upgrade finetuned" in str(raised.value) and Path(file).name in str(raised.value)
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("file", ["skip.json", "ended.json", "candidate/draft.json"])
def test_a_supervisor_refuses_a_run_that_a_later_release_went_on_with(
    file: str, workspace: Workspace
) -> None:
    write_newer(workspace.layout, f"{RUN}/{file}")
    before = content_of(workspace.layout.root)
    with pytest.raises(NewerRecord, match=file):
        read_run(workspace.layout)
    assert content_of(workspace.layout.root) == before


@pytest.mark.parametrize("file", ["order.json", "request.json"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_order_of_a_later_release_waits_for_it(kind: Kind, file: str, tmp_path: Path) -> None:
    """The work on other orders and on jobs goes on meanwhile."""
    layout = Layout(tmp_path)
    place = layout.order(name_of(kind, 1))
    place.folder.mkdir(parents=True)
    header = {"order": name_of(kind, 1), "created_at": "2026-01-01T00:00:00Z", "about": "a"}
    place.header.write_text(json.dumps(header))
    path = write_newer(layout, str((place.folder / file).relative_to(tmp_path)))
    before = content_of(tmp_path)
    orders = Orders(layout)
    assert orders.waiting() == () and Audits(layout).scan() == ()
    assert orders.parked == {name_of(kind, 1): str(NewerRecord(str(path), 2, 1))}
    assert content_of(tmp_path) == before


def test_what_a_later_release_found_out_of_the_machine_is_not_used_and_not_replaced(
    tmp_path: Path,
) -> None:
    """No run depends on it: the run goes on, and the user is told once."""
    layout = Layout(tmp_path)
    path = write_newer(layout, "models/machine.json")
    before = content_of(tmp_path)
    assert machine.read_worked(layout, "cpu", "f") == ({}, str(NewerRecord(str(path), 2, 1)))
    assert machine.remember_worked(layout, "cpu", "f", {"a": 1}) is not None
    assert content_of(tmp_path) == before


@pytest.mark.parametrize("file", [f"{RUN}/request.json", f"{VERSION}/manifest.json"])
def test_a_daemon_does_not_start_on_records_of_a_later_release(file: str, tmp_path: Path) -> None:
    """Nothing that it does could be right, and an older release must not train the jobs anew."""
    parts = parts_of(tmp_path)
    layout = Layout(tmp_path)
    write_newer(layout, file)
    layout.current_model.symlink_to(VERSION)
    before = (tmp_path / file).read_bytes()
    with pytest.raises(NewerRecord, match="upgrade finetuned"):
        parts.supervisor().run(until_idle=True)
    assert (tmp_path / file).read_bytes() == before
    events = layout.events_file.read_text()
    assert "upgrade finetuned" in events and str(tmp_path / file) in events


@pytest.mark.parametrize("file", ["ladder.json", "run.json", "checkpoints/c*/manifest.json"])
def test_a_trainer_refuses_a_run_that_a_later_release_went_on_with(
    file: str, workspace: Workspace
) -> None:
    """It neither starts over nor fails the jobs: the release that wrote it resumes the run."""
    workspace.serve(Rehearsal(), TRAIN, react=after_steps(9, say.Abandon()))
    folder = workspace.layout.run("r000001").folder
    path = max(folder.glob(file), default=folder / file)
    path.write_text('{"schema_version": 2}')
    before = content_of(folder)
    pipe = workspace.serve(Rehearsal(), TRAIN)
    [refused] = [report for report in pipe.sent if isinstance(report, say.RunRefused)]
    assert refused.code == NEWER and str(path) in refused.message
    number = str(folder / "attempt")
    assert content_of(folder) | {number: b""} == before | {number: b""}


def test_no_edit_of_the_settings_discards_a_run_of_a_later_release() -> None:
    refusal = Refusal("r000001", NEWER, "why", False, Circumstances("a"), "a")
    assert not is_outdated(refusal, Circumstances("b"), has_commits=True)
    assert not is_outdated(refusal, Circumstances("b"), has_commits=False)
