"""The memory ladder beside `run.json`."""

from pathlib import Path

import pytest

from daemon.core.ladder import Rung
from daemon.errors import RunFault
from daemon.folders import runs
from daemon.layout import Layout, RunLayout


@pytest.fixture
def place(tmp_path: Path) -> RunLayout:
    found = Layout(tmp_path).run("r000001")
    found.folder.mkdir(parents=True)
    return found


def test_rungs_are_read_in_the_order_in_which_they_were_appended(place: RunLayout) -> None:
    assert runs.read_ladder(place) == []
    first, second = Rung(4, 1024, why="a"), Rung(4, 512, True, 256, why="b")
    runs.append_rung(place, first)
    runs.append_rung(place, second)
    assert runs.read_ladder(place) == [first, second]


def test_a_run_that_is_frozen_anew_begins_without_the_rungs_of_the_old_one(
    place: RunLayout,
) -> None:
    runs.append_rung(place, Rung(4, 1024))
    runs.freeze(place, {"steps": 3})
    assert runs.read_ladder(place) == []


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b'{"rungs": 3}', b'{"rungs": [{"at": 1}]}', b"\xff"]
)
def test_a_damaged_ladder_is_never_taken_for_none_and_never_written_over(
    place: RunLayout, damage: bytes
) -> None:
    place.ladder.write_bytes(damage)
    with pytest.raises(RunFault, match=r"ladder\.json"):
        runs.read_ladder(place)
    with pytest.raises(RunFault):
        runs.append_rung(place, Rung(0, 64))
    assert place.ladder.read_bytes() == damage


def test_a_crash_while_a_rung_is_appended_leaves_those_before(
    place: RunLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.append_rung(place, Rung(0, 512))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("daemon.folders.atomic.os.replace", crash)
    with pytest.raises(KeyboardInterrupt):
        runs.append_rung(place, Rung(3, 256))
    assert runs.read_ladder(place) == [Rung(0, 512)]
