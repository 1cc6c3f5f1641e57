"""A sweep's own files: copies of rows, trials by whole lines."""

from dataclasses import replace
from pathlib import Path

from daemon.core.evaluation.sweeps import SweepRequest, Trial
from daemon.folders.orders import sweeps
from daemon.layout import OrderLayout, SweepLayout
from daemon.layout_jobs import JobLayout
from tests.manifests import BASE

REQUEST = SweepRequest("s000001", "2026", "f", None, None, {}, BASE, 0, 1, 2, None, 3, 4, {}, {})


def make(folder: Path) -> SweepLayout:
    source = JobLayout(folder / "source")
    source.folder.mkdir()
    source.train.write_text("{}\n")
    source.report.write_text('{"prefix": null}')
    source.holdout.write_text("{}\n{}\n")
    place = OrderLayout(folder / "sweep")
    place.folder.mkdir()
    sweeps.fill(place, source, REQUEST)
    return SweepLayout(place.folder)


def test_a_sweep_has_copies_of_the_rows_until_they_are_removed(tmp_path: Path) -> None:
    place = make(tmp_path)
    assert place.rows.holdout.read_text() == "{}\n{}\n"
    assert place.rows.report.read_text() == '{"prefix": null}'
    sweeps.remove_rows(place)
    assert not place.rows.folder.exists() and place.request.exists()


def test_trials_are_written_as_a_whole(tmp_path: Path) -> None:
    place = make(tmp_path)
    assert sweeps.read_trials(place) == []
    first = Trial(1, {"rank": 4}, "finished", ((1.0, 2.0),), ((3.0, 4),), 5, 6.0)
    second = replace(first, number=2, outcome="failed", why="no room")
    sweeps.write_trials(place, [first])
    sweeps.write_trials(place, [first, second])
    assert sweeps.read_trials(place) == [first, second]


def test_a_report_has_its_picture(tmp_path: Path) -> None:
    place = make(tmp_path)
    sweeps.write_report(place, "page", lambda path: path.write_bytes(b"png"))
    assert (place.report.read_text(), place.picture.read_bytes()) == ("page", b"png")
