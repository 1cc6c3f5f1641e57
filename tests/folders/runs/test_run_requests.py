"""What stays of a run when its directory goes."""

import json
import shutil
from pathlib import Path

import pytest

from daemon.core.status.ledger_rows import run_record
from daemon.core.training.run_requests import RunRequest
from daemon.folders.runs.run_requests import RunRequests, read_records
from daemon.folders.runs.runs import begin_attempt
from daemon.layout import Layout
from tests.manifests import run_request


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def opened(layout: Layout) -> tuple[RunRequests, RunRequest]:
    runs = RunRequests(layout)
    runs.make_folders()
    request = run_request(runs.take_name(), created_at="t0", jobs=["000001-a"])
    runs.open(request)
    return runs, request


def test_a_run_leaves_its_record_and_nothing_else(layout: Layout) -> None:
    runs, request = opened(layout)
    assert read_records(layout) == ([run_record(request)], [])
    record = runs.end(run_record(request, "v000001", "trained", "t1"))
    assert read_records(layout) == ([record], [])
    assert runs.read_or_quarantine() is None
    assert not layout.run(request.run).folder.exists()


def test_the_first_record_of_a_run_stays_when_a_crash_lets_it_end_again(layout: Layout) -> None:
    runs, request = opened(layout)
    first = runs.end(run_record(request, None, "skipped", "t1"))
    runs.open(request)
    assert runs.end(run_record(request, None, "skipped", "t2")) == first
    assert read_records(layout) == ([first], [])


def test_a_record_that_cannot_be_read_is_named_and_left(layout: Layout) -> None:
    """Q2."""
    runs, request = opened(layout)
    runs.end(run_record(request, None, "failed", "t1"))
    path = layout.ended_runs / f"{request.run}.json"
    for damage in ("garbage", "[]", json.dumps({"run": "r000001"})):
        path.write_text(damage)
        records, [problem] = read_records(layout)
        assert records == []
        assert str(path) in problem
        assert path.read_text() == damage


def test_a_run_number_is_not_given_twice_when_the_counter_is_lost(layout: Layout) -> None:
    runs, request = opened(layout)
    runs.end(run_record(request, None, "failed", "t1"))
    (layout.runs / ".last").write_text("garbage")
    assert RunRequests(layout).take_name() == "r000002"


@pytest.mark.parametrize(
    "name", ["request.json", "ended.json", "skip.json", "candidate/draft.json"]
)
@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b"{}"])
def test_a_run_that_cannot_be_understood_is_set_aside_whole_and_told(
    layout: Layout, name: str, damage: bytes
) -> None:
    """Q2: nothing of it is overwritten, and the next run is another one."""
    _, request = opened(layout)
    folder = layout.run(request.run).folder
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(damage)
    again = RunRequests(layout)
    assert again.read_or_quarantine() is None and again.read_or_quarantine() is None
    target = layout.runs / f"damaged-{request.run}-1"
    assert (target / name).read_bytes() == damage
    assert target.name in again.quarantined[request.run]
    again.make_folders()
    assert target.is_dir()
    (layout.runs / ".last").unlink()
    assert again.take_name() == "r000002"


def test_a_run_that_cannot_be_read_now_stays(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D2: trouble of the machine says nothing about the bytes."""
    _, request = opened(layout)
    again = RunRequests(layout)

    def refuse(path: Path) -> bytes:
        raise OSError(5, "an error of the disk", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(OSError, match=r"request\.json"):
            again.read_or_quarantine()
    found = again.read_or_quarantine()
    assert found is not None and found.run == request.run and again.quarantined == {}


def test_starts_are_counted_only_when_the_trainer_came_to_an_attempt(layout: Layout) -> None:
    """Fault Q5: a daemon that is killed every two seconds parked the jobs of a good run."""
    runs, request = opened(layout)
    run = request.run
    for _ in range(12):
        runs.count_start(run, runs.attempts(run))
    assert runs.attempts(run).counted == 0
    for number in range(4):
        begin_attempt(layout.run(run))
        assert runs.attempts(run).counted == number + 1
        runs.count_start(run, RunRequests(layout).attempts(run))
    assert runs.attempts(run).counted == 4


def test_attempts_that_an_earlier_version_wrote_count_as_they_did(layout: Layout) -> None:
    runs, request = opened(layout)
    path = layout.run(request.run).attempts
    path.write_text(json.dumps({"started": 3, "seen": 1, "last_death": "x", "after": None}))
    found = runs.attempts(request.run)
    assert (found.counted, found.seen) == (3, 1)


def test_a_run_number_is_not_given_twice_by_a_counter_from_a_backup(layout: Layout) -> None:
    """It was trusted alone: the next runs had the numbers of those that had ended since."""
    runs, request = opened(layout)
    runs.end(run_record(request, None, "failed", "t1"))
    (layout.runs / ".last").write_text("0\n")
    assert RunRequests(layout).take_name() == "r000002"


def test_a_damaged_run_that_was_looked_at_and_removed_is_told_of_no_more(layout: Layout) -> None:
    """The alert stood until the next start, though the user had done what it said."""
    _, request = opened(layout)
    layout.run(request.run).request.write_text("{")
    again = RunRequests(layout)
    assert again.read_or_quarantine() is None and again.quarantined
    shutil.rmtree(layout.runs / f"damaged-{request.run}-1")
    assert again.read_or_quarantine() is None and not again.quarantined
