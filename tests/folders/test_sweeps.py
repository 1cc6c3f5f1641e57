"""`models/sweeps/`: whole at once, and never gone on with by mistake."""

import json
from pathlib import Path

import pytest

from daemon.core.snapshot import SweepOnDisk
from daemon.folders import sweeps
from daemon.layout import JobLayout, Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def make(layout: Layout) -> str:
    source = JobLayout(layout.root / "source")
    source.folder.mkdir(exist_ok=True)
    source.train.write_text("{}\n")
    source.report.write_text('{"prefix": null}')
    source.holdout.write_text("{}\n{}\n")
    return sweeps.create(
        layout, source, lambda name: {"sweep": name, "file": "x", "start_version": "v000003"}
    )


def test_a_sweep_is_a_copy_with_a_number_of_its_own(layout: Layout) -> None:
    assert [make(layout), make(layout)] == ["s000001", "s000002"]
    place = layout.sweep("s000002")
    assert sweeps.read_request(place)["sweep"] == "s000002"
    assert place.rows.holdout.read_text() == "{}\n{}\n"
    assert place.rows.report.read_text() == '{"prefix": null}'


def test_a_number_that_another_took_meanwhile_is_left_to_it(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(layout)
    monkeypatch.setattr(sweeps, "names", lambda _: [])
    assert make(layout) == "s000002"


def test_a_sweep_waits_until_it_has_its_result(layout: Layout) -> None:
    first, second = make(layout), make(layout)
    known = sweeps.Sweeps(layout)
    assert [item.sweep for item in known.waiting()] == [first, second]
    sweeps.conclude(layout.sweep(first), "page", lambda path: path.write_bytes(b"png"), {"a": 1})
    assert known.waiting() == (SweepOnDisk(second, "x", "v000003"),)
    assert sweeps.read_result(layout.sweep(first)) == {"a": 1}
    assert not layout.sweep(first).rows.folder.exists() and layout.sweep(second).rows.train.exists()


def test_a_skip_is_remembered_on_the_disk(layout: Layout) -> None:
    sweep = make(layout)
    sweeps.Sweeps(layout).skip(sweep)
    assert sweeps.Sweeps(layout).waiting()[0].skip


def test_a_request_that_cannot_be_read_is_parked_and_left_as_it_is(layout: Layout) -> None:
    sweep = make(layout)
    layout.sweep(sweep).request.write_text("{")
    known = sweeps.Sweeps(layout)
    assert known.waiting() == () and sweep in known.parked
    assert layout.sweep(sweep).request.read_text() == "{"


def test_a_sweep_that_kills_its_trainer_again_and_again_is_parked(layout: Layout) -> None:
    sweep = make(layout)
    known = sweeps.Sweeps(layout)
    known.waiting()
    for _ in range(sweeps.MOST_DEATHS - 1):
        known.count_death(sweep, "SIGKILL")
    known.progressed(sweep)
    known.count_death(sweep, "SIGKILL")
    assert known.waiting()
    for _ in range(sweeps.MOST_DEATHS - 1):
        known.count_death(sweep, "SIGKILL")
    assert known.waiting() == () and "SIGKILL" in known.parked[sweep]
    assert sweeps.Sweeps(layout).waiting(), "the next start tries again"


def test_beginnings_without_an_end_are_counted_for_each_trial(layout: Layout) -> None:
    place = layout.sweep(make(layout))
    assert [sweeps.begin_trial(place, 1) for _ in range(3)] == [0, 1, 2]
    sweeps.leave_trial(place)
    assert sweeps.begin_trial(place, 1) == 0
    sweeps.add_trial(place, [{"number": 1}])
    assert sweeps.begin_trial(place, 2) == 0
    assert [json.loads(line) for line in place.trials.read_text().splitlines()] == [{"number": 1}]
    assert sweeps.read_trials(place) == [{"number": 1}]
