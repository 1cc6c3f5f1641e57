"""`explain` and `reproduce` on a workspace that a real daemon has trained in."""

import json
import shutil
from pathlib import Path

import pytest

from daemon.cli.output import screen
from daemon.cli.place import alive
from daemon.layout import Layout
from tests.cli.conftest import HOSTILE, Command
from tests.end_to_end.workspace import Workspace

pytestmark = pytest.mark.end_to_end


def test_the_current_version_is_explained_for_people_and_programs(
    finetuned: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen.out, "_width", 200)
    told = finetuned("explain", "--root", trained)
    assert told.exit_code == 0, told.output
    for words in (
        "v000002",
        "Its files",
        "a[bold]b.jsonl",
        "Files trained before",
        "first.jsonl",
        "this run's held-out rows",
        "Provenance",
        "platform",
        "energy",
    ):
        assert words in told.stdout
    found = json.loads(finetuned("explain", "2", "--json", "--root", trained).stdout)
    (file,) = found["files"]
    assert file["name"] == "a[bold]b.jsonl" and file["rows"]["refused"] == 1
    assert file["rows"]["trained"] + file["rows"]["held_out"] == 41
    assert file["loss"]["before"] != file["loss"]["after"]
    assert found["earlier_files"][0]["name"] == "first.jsonl"
    assert found["provenance"]["libraries"]["python"] and found["provenance"]["tokens"] > 0


def test_losses_and_the_reason_of_the_verdict_are_told_as_the_version_has_them(
    finetuned: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen.out, "_width", 250)
    manifest = json.loads((Layout(trained).version("v000002") / "manifest.json").read_bytes())
    told = finetuned("explain", "2", "--root", trained).stdout.splitlines()
    assert told[0] == f"v000002: {manifest['verdict']}"
    assert manifest["verdict_reasons"]
    assert told[1 : 1 + len(manifest["verdict_reasons"])] == [
        f"- {reason}" for reason in manifest["verdict_reasons"]
    ]
    for name, of_set in (("a[bold]b.jsonl", "own_holdout"), ("first.jsonl", "earlier_holdout")):
        [measured] = manifest["evaluations"]["loss"][of_set]["jobs"].values()
        before, after = (measured["models"][model] for model in ("v000001", "candidate"))
        [line] = [line for line in told if name in line]
        assert f"{before:.4g} → {after:.4g}" in line


def test_only_a_first_version_had_no_moments_before_it(finetuned: Command, trained: Path) -> None:
    words = "moments: none; the run started from the untouched base"
    first, second = (finetuned("explain", n, "--root", trained).stdout for n in ("1", "2"))
    assert words in first
    assert "moments: " in second and words not in second


@pytest.mark.parametrize(("count", "left"), [(5, 0), (7, 2)])
def test_how_many_changed_answers_are_left_out_is_told_with_their_place(
    finetuned: Command, trained: Path, tmp_path: Path, count: int, left: int
) -> None:
    shutil.copytree(trained, tmp_path / "w", symlinks=True)
    path = Layout(tmp_path / "w").version("v000002") / "report.json"
    report = json.loads(path.read_bytes())
    report["changed"]["to_right"] = [
        {
            "set": "s",
            "id": f"{n}",
            "question": f"question {n}",
            "golden": "g",
            "before": "b",
            "after": "g",
        }
        for n in range(count)
    ]
    path.write_text(json.dumps(report))
    told = finetuned("explain", "--root", tmp_path / "w").stdout
    assert f"From wrong to right: {count}" in told
    assert told.count("question: question ") == count - left
    more = f"and {left} more, in models/versions/v000002/report.html"
    assert (more in told) == (left > 0)


def test_hostile_answers_are_shown_escaped(
    finetuned: Command, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "w", symlinks=True)
    path = Layout(tmp_path / "w").version("v000002") / "report.json"
    report = json.loads(path.read_bytes())
    report["changed"]["to_wrong"] = [
        {"set": "s", "id": "i", "question": HOSTILE, "golden": "g", "before": "b", "after": HOSTILE}
    ]
    path.write_text(json.dumps(report))
    told = finetuned("explain", "--root", tmp_path / "w").stdout
    assert "From right to wrong: 1" in told
    assert "\\u001b[31mred" in told and "[bold]\\u202egnp" in told
    assert "\x1b" not in told and "\u202e" not in told


def test_the_untouched_base_and_what_does_not_exist_are_told_in_a_sentence(
    finetuned: Command, trained: Path
) -> None:
    base = finetuned("explain", "0", "--root", trained)
    assert base.exit_code == 0 and "the untouched base model" in base.stdout
    for words in (("explain", "9"), ("reproduce", "9")):
        missing = finetuned(*words, "--root", trained)
        assert missing.exit_code == 1 and "there is no version v000009" in missing.stderr
    nothing = finetuned("reproduce", "0", "--root", trained)
    assert nothing.exit_code == 1 and "nothing was trained" in nothing.stderr


def test_a_version_is_trained_again_with_no_daemon_alive(finetuned: Command, trained: Path) -> None:
    current = (trained / "current_model").readlink()
    done = finetuned("reproduce", "2", "--rehearse", "--root", trained)
    assert done.exit_code == 0, done.output
    assert "bit for bit" in done.stdout
    again = finetuned("reproduce", "p000001", "--json", "--root", trained)
    assert json.loads(again.stdout)["outcome"] == "identical"
    assert (trained / "current_model").readlink() == current
    assert not (trained / "models" / "reproductions" / "p000001" / "run").exists()


def test_a_living_daemon_trains_a_version_again_between_jobs(
    finetuned: Command, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "w", symlinks=True)
    with Workspace(tmp_path / "w") as workspace:
        workspace.start()
        workspace.wait("the daemon", lambda: alive(workspace.layout))
        done = finetuned("reproduce", "1", "--wait", "--root", workspace.root)
        assert done.exit_code == 0 and "bit for bit" in done.stdout, done.output
        assert workspace.told("order_ended") and workspace.current() == "v000002"


def test_a_version_of_before_runs_were_kept_says_so(
    finetuned: Command, trained: Path, tmp_path: Path
) -> None:
    shutil.copytree(trained, tmp_path / "w", symlinks=True)
    (Layout(tmp_path / "w").version("v000001") / "run.json").unlink()
    told = finetuned("reproduce", "1", "--root", tmp_path / "w")
    assert told.exit_code == 1 and "was sealed before versions stored" in told.stderr


def test_sets_of_questions_and_the_code_are_named_in_words(
    finetuned: Command, trained: Path, tmp_path: Path
) -> None:
    """`own_holdout` and "unknown, changes unknown" were printed as the records have them."""
    shutil.copytree(trained, tmp_path / "w", symlinks=True)
    path = Layout(tmp_path / "w").version("v000002") / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest |= {"git_commit": "unknown", "git_dirty": None}
    path.write_text(json.dumps(manifest))
    path.with_name("manifest.sha256").unlink()
    shown = finetuned("explain", "2", "--root", tmp_path / "w").stdout
    assert "this run's held-out rows" in shown and "own_holdout" not in shown
    assert "earlier files' held-out rows" in shown and "earlier_holdout" not in shown
    assert "not from a git checkout" in shown and "changes unknown" not in shown
