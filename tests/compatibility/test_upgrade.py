"""A whole workspace goes on after an upgrade, whatever settings the release before it saved.

Fault: a run in progress whose saved settings hold one that is gone crashed the trainer until the
run was given up, and no version with such a setting could be trained again.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import ExitCode
from tests.compatibility.aged import age
from tests.end_to_end.workspace import Workspace, chats

# A history and up to two daemons after it.
pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

SETTINGS = """
[inbox]
settle_s = 0.1
[checkpoint]
steps = 3
[training]
epochs = 40
[run]
gather_rows = 1
"""
OWN = "[training]\nepochs = 1\nmax_grad_norm = 1.0\n"


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """Give a workspace whose daemon was stopped in the middle of a run, with a job that waits."""
    with Workspace(tmp_path / "w", settings=SETTINGS) as made:
        made.drop("half.jsonl", chats(60))
        made.start()
        made.wait("commits", lambda: len(made.told("committed")) > 1)
        made.drop("waiting.jsonl", chats(30, start=100))
        made.wait("a waiting job", lambda: made.jobs("normal"))
        made.touch("stop")
        assert made.wait_for_exit() == 0, made.story()
        yield made


def asked(space: Workspace, *words: str, code: ExitCode = ExitCode.OK) -> Any:
    argv = [sys.executable, "-m", "daemon", *words, "--json", "--root", str(space.root)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def upgrade(space: Workspace) -> None:
    """Leave what an older release would have left: settings that this one does not know."""
    place = space.layout.run("r000001")
    age(place.request)
    age(place.frozen)
    age(space.layout.version("v000000") / "manifest.json")
    (space.layout.version("v000000") / "manifest.sha256").unlink()
    card = space.layout.job("normal", space.jobs("normal")[0]).job_file
    record = json.loads(card.read_bytes())
    card.write_text(json.dumps(record | {"own_settings": OWN, "gone": 1}))


def test_a_run_in_progress_ends_and_its_version_is_made_again(space: Workspace) -> None:
    upgrade(space)
    assert space.drain() == 0, space.story()
    assert not space.told("alert") and not space.told("trainer_ended")
    begun = space.told("run_begun", run="r000001")
    assert [event["attempt"] for event in begun] == [0, 1], "it is gone on with, not begun anew"
    assert space.manifest("v000001")["settings"]["training"]["rewarm_steps"] == 200_000
    made = asked(space, "reproduce", "v000001", "--wait", "--rehearse")
    assert made["outcome"] == "identical", made
    assert "setting training.max_grad_norm" in {one["what"] for one in made["found"]["changes"]}
    explained = asked(space, "explain", "v000000")
    whys = {one["setting"]: one["why"] for one in explained["settings"]}
    assert whys == {
        "teacher": "unknown",
        "training.max_grad_norm": "unknown",
        "training.min_delta": "missing",
        "training.rewarm_steps": "out_of_range",
    }


def test_a_run_whose_settings_mean_nothing_here_keeps_its_commits_until_it_is_given_up(
    space: Workspace,
) -> None:
    """It crashed the trainer three times, and its job failed as if the file were to blame; later
    it was begun anew by itself, and what it had committed was trained again."""
    place = space.layout.run("r000001")
    request = place.request.read_bytes()
    age(place.request, optimizer="sophia")
    [job], commits = space.jobs("running"), sorted(place.checkpoints.iterdir())
    assert space.drain() == ExitCode.BLOCKED, space.story()
    [told] = space.told("run_refused", code="settings_unusable")
    assert "training.optimizer = 'sophia'" in told["message"]
    assert space.jobs("running") == [job] and sorted(place.checkpoints.iterdir()) == commits
    # Whoever goes back to the release that began it goes on where it stood.
    place.request.write_bytes(request)
    before = len(space.told("committed", run="r000001"))
    space.start()
    space.wait("it goes on", lambda: len(space.told("committed", run="r000001")) > before)
    steps = [event["step"] for event in space.told("committed", run="r000001")]
    assert steps == sorted(set(steps)), "nothing is trained again"


def test_a_run_that_is_given_up_for_its_settings_leaves_its_files_to_be_trained_anew(
    space: Workspace,
) -> None:
    """What the sentence of the refusal says to do does what it says."""
    age(space.layout.run("r000001").request, optimizer="sophia")
    [job] = space.jobs("running")
    space.start()
    space.wait("it is told", lambda: space.told("run_refused", code="settings_unusable"))
    space.touch("pause")
    space.touch("skip")
    space.wait("the skipped job", lambda: space.jobs("skipped") == [job])
    space.touch("retry", job)
    space.wait("the job again", lambda: job in [*space.jobs("incoming"), *space.jobs("normal")])
    assert not space.layout.run("r000001").folder.exists()


def test_a_waiting_job_keeps_what_can_be_used_of_its_own_settings(space: Workspace) -> None:
    """One setting that is gone made all of them count nothing, without a word."""
    upgrade(space)
    assert space.drain() == 0, space.story()
    assert space.manifest("v000002")["settings"]["training"]["epochs"] == 1
    [told] = space.told("own_settings", run="r000002")
    assert "training.max_grad_norm = 1.0" in told["message"]
