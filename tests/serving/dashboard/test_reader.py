"""What the dashboard reads of a workspace, and that nothing damaged stops it."""

import json
import os
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.dashboard.reader import POINTS, Reader
from tests.serving.dashboard.furnished import append, furnished, put_job, step, tell


def reader(layout: Layout) -> Reader:
    return Reader(layout, SystemClock())


def read(reading: Reader) -> dict[str, Any]:
    """Return the sections, with whatever they hold."""
    return reading.read()


def states(sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["state"]: one for one in sections["queue"]["states"]}


def test_the_queue_is_told_by_state_with_the_reasons_of_failures(layout: Layout) -> None:
    found = states(read(reader(layout)))
    assert {name: one["count"] for name, one in found.items() if one["count"]} == {
        "running": 1,
        "normal": 1,
        "failed": 1,
        "done": 1,
    }
    (failed,) = found["failed"]["jobs"]
    assert failed["reason"] == "because plain"
    assert any("mend plain" in reason for reason in failed["reasons"])


def test_a_job_that_moves_is_seen_where_it_lies(layout: Layout) -> None:
    reading = reader(layout)
    reading.read()
    layout.job("normal", "000003-file").folder.rename(layout.job("running", "000003-file").folder)
    found = states(reading.read())
    assert (found["normal"]["count"], found["running"]["count"]) == (0, 2)


def test_versions_are_told_with_verdict_parent_and_the_line_of_the_current_one(
    layout: Layout,
) -> None:
    aside = json.loads((layout.version("v000001") / "manifest.json").read_bytes())
    folder = layout.version("v000002")
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({**aside, "version": "v000002"}))
    told = {one["version"]: one for one in read(reader(layout))["versions"]["versions"]}
    assert list(told) == ["v000002", "v000001", "v000000"]
    assert [one["in_line"] for one in told.values()] == [False, True, True]
    assert [one["current"] for one in told.values()] == [False, True, False]
    assert told["v000001"]["parent"] == "v000000"
    assert told["v000001"]["reasons"] == ["plain"]


def test_samples_stand_beside_their_golden_answers_with_the_differences(layout: Layout) -> None:
    (sample,) = read(reader(layout))["samples"]["samples"]
    assert sample["changes"] == [
        ("same", "the "),
        ("gone", "right"),
        ("new", "wrong"),
        ("same", " plain"),
    ]


def test_steps_and_validation_losses_are_followed(layout: Layout) -> None:
    reading = reader(layout)
    sections = reading.read()
    assert sections["validations"] == {"validations": [[20, 0.9, "r000002"]]}
    assert reading.points[-1] == [30, 2.0 / 30, 5e-4, 1000.0, "r000002"]
    append(layout.metrics_file, map(step, range(31, 31 + POINTS)))
    reading.read()
    assert (len(reading.points), reading.points_read) == (POINTS, 30 + POINTS)


def test_the_probes_are_those_of_the_run_in_hand_or_else_of_the_version(layout: Layout) -> None:
    reading = reader(layout)
    assert read(reading)["evolution"]["of"] == "v000001"
    path = layout.run("r000002").evolution
    path.parent.mkdir(parents=True)
    line = {"step": 5, "id": "1", "prompt": "p", "golden": "g", "answer": "a", "similarity": None}
    append(path, [line])
    found = read(reading)["evolution"]
    assert (found["of"], found["probes"][0]["prompt"]) == ("r000002", "p")


def test_a_name_in_the_status_document_is_no_way_out_of_the_workspace(layout: Layout) -> None:
    outside = layout.root.parent / "v1"
    outside.mkdir()
    append(outside / "evolution.jsonl", [{"secret": "yes"}])
    for name in ("../../../v1", "v1/../../../../v1", "r/../..", "v\x001", 7, ["v1"]):
        tell(layout, run=None, version=name)
        assert read(reader(layout))["evolution"]["of"] is None


def test_what_has_not_changed_is_the_same_object(layout: Layout) -> None:
    reading = reader(layout)
    first = reading.read()
    tell(layout, current_step=31)
    second = reading.read()
    for name in ("samples", "evolution"):
        assert second[name] is first[name]
    assert second["now"] != first["now"]


def test_damaged_files_are_named_on_the_page_and_hide_nothing_else(layout: Layout) -> None:
    layout.job("normal", "000003-file").job_file.write_text("{")
    folder = layout.version("v000002")
    folder.mkdir()
    (folder / "manifest.json").write_text('{"schema_version": 99}')
    layout.job("failed", "000004-file").report.write_text('{"rows": []}')
    sections = read(reader(layout))
    found = states(sections)
    assert "unreadable" in found["normal"]["jobs"][0]["reason"]
    (failed,) = found["failed"]["jobs"]
    assert failed["reason"] == "because plain"
    assert "report.json cannot be read" in failed["reasons"][0]
    assert sections["versions"]["problems"][0].startswith("v000002 cannot be read")
    assert len(sections["versions"]["versions"]) == 2


def test_a_torn_status_document_leaves_the_last_one_standing(layout: Layout) -> None:
    reading = reader(layout)
    reading.read()
    layout.status_file.write_text('{"status": ')
    assert read(reading)["now"]["status"] == "training"


def test_a_workspace_with_nothing_in_it_is_shown(tmp_path: Path) -> None:
    sections = read(reader(Layout(tmp_path)))
    assert sections["now"]["headline"]["title"] == "Not started"
    assert sections["versions"]["versions"] == []


def test_reading_changes_nothing(tmp_path: Path) -> None:
    layout = furnished(tmp_path / "w")
    put_job(layout, "skipped", 5, "x")
    before = _everything(layout.root)
    read(reader(layout))
    assert _everything(layout.root) == before


def _everything(root: Path) -> list[tuple[str, int, int]]:
    paths = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    return sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in paths)
