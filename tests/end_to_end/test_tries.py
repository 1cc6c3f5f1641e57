"""A file that makes the model forget an earlier one is tried again before it is refused."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon import failpoints
from daemon.clock import SystemClock
from daemon.core.rows.examples import Chat, Turn
from daemon.layout import Layout
from daemon.text.encoder import Encoded, TextEncoder
from daemon.training.engine.stub import RehearsalEngine, pull
from tests.end_to_end.workspace import Workspace, chats

ROWS = 80
TOLERATED = 0.003
APART = 0.02
"""Rows of one file pull the rehearsal model to one side by more than this, those of the other to
the other side."""

SETTINGS = """
[inbox]
settle_s = 0.1
[checkpoint]
steps = 5
[holdout]
share = 0.4
[training]
epochs = 15
[evaluation]
eval_every = 0
judge_samples = 0
[gate]
merge = {merge}
forgetting_share = 0.0
forgetting = {tolerated}
"""

AT = (
    "supervisor:building.begun",
    "supervisor:building.synced",
    "supervisor:trash.begun",
    "supervisor:trash.renamed",
    "training:building.filled",
)


@pytest.fixture(scope="module")
def opposed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], list[Any]]:
    """Return two files: what is learned of the second is forgotten of the first."""
    layout = Layout(tmp_path_factory.mktemp("base"))
    facts = RehearsalEngine(SystemClock(), 0.0).prepare(layout, "tiny")
    encoder = TextEncoder.load(layout.base(facts.name))
    rows = chats(2_000)
    encoded = encoder.encode([_example(row) for row in rows], 512)
    pulls = [float(pull(row)) for row in encoded if isinstance(row, Encoded)]
    first = [row for row, its in zip(rows, pulls, strict=True) if its > APART][:ROWS]
    second = [row for row, its in zip(rows, pulls, strict=True) if its < -APART][:ROWS]
    return first, second


def _example(row: dict[str, Any]) -> Chat:
    return Chat(tuple(Turn(turn["role"], turn["content"]) for turn in row["messages"]))


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory, opposed: tuple[list[Any], list[Any]]) -> Path:
    """Return a workspace that has learned the first file; the second one lies in its inbox."""
    root = tmp_path_factory.mktemp("learned") / "w"
    with Workspace(root, settings=settings()) as space:
        space.drop("first.jsonl", opposed[0])
        assert space.drain() == 0, space.story()
        space.drop("second.jsonl", opposed[1])
    return root


def settings(tolerated: float = TOLERATED, merge: bool = False) -> str:
    return SETTINGS.format(tolerated=tolerated, merge=str(merge).lower())


def copy_of(
    learned: Path, root: Path, tolerated: float = TOLERATED, merge: bool = False
) -> Workspace:
    """Return a copy of the workspace that tolerates so much."""
    shutil.copytree(learned, root, symlinks=True)
    return Workspace(root, settings=settings(tolerated, merge))


@dataclass(frozen=True)
class Undisturbed:
    """The series when nothing happens on the way."""

    digest: str
    passed: list[str]
    """The failpoints, in order."""


@pytest.fixture(scope="module")
def undisturbed(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """Return the end of the series, and what was passed on the way."""
    folder = tmp_path_factory.mktemp("undisturbed")
    log = folder / "places.log"
    with pytest.MonkeyPatch.context() as patch, copy_of(learned, folder / "w") as space:
        patch.setenv(failpoints.LOG, str(log))
        assert space.drain() == 0, space.story()
        return Undisturbed(space.digest("v000002"), log.read_text().split())


def test_it_is_tried_again_with_more_replay_and_a_lower_rate_and_then_promoted(
    tmp_path: Path, learned: Path
) -> None:
    with copy_of(learned, tmp_path / "w") as space:
        assert space.drain() == 0, space.story()
        (again,) = space.told("tried_again")
        assert "000001-first is forgotten" in again["message"]
        assert space.current() == "v000002", space.story()
        manifest = space.manifest("v000002")
        (before,) = manifest["try"]["before"]
        assert manifest["try"]["number"] == 2 and manifest["try"]["rate_share"] == 0.5
        assert manifest["replay"]["share"] > before["replay_share"] > 0.0
        assert manifest["replay"]["weights"]["000001-first"] > 1.0
        forgotten = {one["name"]: one["rise"] for one in before["forgetting"]}
        now = {one["name"]: one["rise"] for one in manifest["judgement"]["forgetting"]}
        assert now["000001-first"] < TOLERATED < forgotten["000001-first"]
        # One version a file: what was tried before is told in its manifest.
        assert len(list(space.layout.versions.glob("v*"))) == 3


def test_what_no_try_mends_is_refused_with_all_tries_and_an_alert(
    tmp_path: Path, learned: Path
) -> None:
    with copy_of(learned, tmp_path / "w", tolerated=0.0) as space:
        assert space.drain() == 0, space.story()
        assert space.current() == "v000001" and len(space.told("tried_again")) == 1
        manifest = space.manifest("v000002")
        assert manifest["verdict"] == "refuse" and len(manifest["try"]["before"]) == 1
        job = space.job("done", 1)
        assert job["outcome"] == "not_promoted" and "finetuned promote v000002" in job["reason"]
        alerts = {one["code"]: one["message"] for one in space.status()["active_alerts"]}
        assert "000002-second is refused" in alerts["refused"]
        # The reports and `explain` name the ways on too.
        report = (space.layout.version("v000002") / "report.md").read_text()
        assert "It is not used: use it anyway with 'finetuned promote V'" in report


@pytest.mark.parametrize("place", AT)
def test_a_kill_at_any_step_of_the_series_ends_in_the_same_bits(
    tmp_path: Path,
    learned: Path,
    undisturbed: Undisturbed,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The last but one is of the second try, or of the run before it.
    occurrence = max(1, undisturbed.passed.count(place) - 1)
    with copy_of(learned, tmp_path / "w") as space:
        monkeypatch.setenv(failpoints.POINT, f"{place}:{occurrence}:{failpoints.KILL}")
        monkeypatch.setenv(failpoints.FIRED, str(tmp_path / "fired"))
        if space.drain() != 0:
            assert space.drain() == 0, space.story()
        assert (tmp_path / "fired").exists(), f"{place} was not passed again"
        assert space.digest("v000002") == undisturbed.digest
        assert space.manifest("v000002")["try"]["number"] == 2
        assert not list(space.layout.runs.glob("r*"))
