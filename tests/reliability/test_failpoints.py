"""Every named place of the disk's one door: killed there, refused there (faults Q1, T1, T3, T4).

Also D1 to D3: an error of the disk, or no descriptor left, ends nothing and loses nothing.
"""

import ast
import random
from collections import Counter
from pathlib import Path

import pytest

from daemon import failpoints
from daemon.folders.disk import atomic
from tests.reliability.faults import WHATS, Fault, passed_places, steady, suffer
from tests.reliability.scenario import End, calm_end

SEED = 20261121

PLACES = (
    "intake:remove.begun",
    "intake:remove.unlinked",
    "intake:replacing.done",
    "intake:replacing.renamed",
    "intake:replacing.synced",
    "intake:replacing.written",
    "intake:write.done",
    "intake:write.opened",
    "intake:write.renamed",
    "intake:write.synced",
    "intake:write.written",
    "supervisor:building.begun",
    "supervisor:building.filled",
    "supervisor:building.synced",
    "supervisor:link.begun",
    "supervisor:link.made",
    "supervisor:link.renamed",
    "supervisor:mkdir.begun",
    "supervisor:mkdir.made",
    "supervisor:move.begun",
    "supervisor:move.renamed",
    "supervisor:move.target_synced",
    "supervisor:remove.begun",
    "supervisor:remove.unlinked",
    "supervisor:trash.begun",
    "supervisor:trash.renamed",
    "supervisor:trash.synced",
    "supervisor:volatile.begun",
    "supervisor:volatile.written",
    "supervisor:write.done",
    "supervisor:write.opened",
    "supervisor:write.renamed",
    "supervisor:write.synced",
    "supervisor:write.written",
    "training:append.opened",
    "training:append.synced",
    "training:append.written",
    "training:building.begun",
    "training:building.filled",
    "training:building.synced",
    "training:mkdir.begun",
    "training:mkdir.made",
    "training:move.begun",
    "training:move.renamed",
    "training:move.target_synced",
    "training:remove.begun",
    "training:trash.begun",
    "training:trash.renamed",
    "training:trash.synced",
    "training:write.done",
    "training:write.opened",
    "training:write.renamed",
    "training:write.synced",
    "training:write.written",
)
"""The places that the history of `scenario.py` passes, by kind of process."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> End:
    return calm_end(tmp_path_factory.mktemp("calm") / "w")


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    return passed_places(tmp_path_factory.mktemp("places"))


def test_no_place_is_forgotten(passed: Counter[str]) -> None:
    assert sorted(passed) == sorted(PLACES)
    assert {place.split(":")[1] for place in PLACES} == names_in_the_source()


def names_in_the_source() -> set[str]:
    tree = ast.parse(Path(atomic.__file__).read_text(encoding="utf-8"))
    return {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "failpoint"
        and isinstance(node.args[0], ast.Constant)
    }


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_at_a_place_is_survived(
    place: str, calm: End, passed: Counter[str], tmp_path: Path
) -> None:
    assert not suffer(tmp_path, drawn(place, failpoints.KILL, passed), calm)


@pytest.mark.parametrize("place", PLACES[::2])
def test_an_error_at_a_place_is_survived(
    place: str, calm: End, passed: Counter[str], tmp_path: Path
) -> None:
    what = random.Random(f"{SEED} {place}").choice(WHATS[1:])
    assert not suffer(tmp_path, drawn(place, what, passed), calm)


def drawn(place: str, what: str, passed: Counter[str]) -> Fault:
    """Return a fault at an occurrence drawn by the seed; the last ones may not come each time."""
    role, point = place.split(":")
    most = steady(place, max(1, passed[place] - 2))
    return Fault(role, point, random.Random(f"{SEED} {place} {what}").randint(1, most), what)


@pytest.mark.parametrize("wanted", ["supervisor:move.begun:1", "a:b:1:BOOM", "a:b:x:KILL"])
def test_what_cannot_be_understood_is_refused(wanted: str) -> None:
    with pytest.raises(ValueError):
        failpoints.FailpointSpec.read(wanted)


def test_nothing_happens_unless_it_is_asked_for() -> None:
    failpoints.failpoint("write.opened")
