"""Requests by control file, with and without a daemon."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from daemon.folders.models import current_model
from daemon.folders.models.models import Models
from daemon.layout import Layout
from daemon.settings import Settings
from tests.manifests import BASE

Command = Callable[..., Result]


@pytest.fixture
def two_versions(layout: Layout) -> Layout:
    """Two sealed versions of an untouched base, the second current."""
    models = Models(layout)
    for _ in range(2):
        models.seal_base("2030-01-01T00:00:00+00:00", BASE, Settings().model_dump(mode="json"))
    current_model.point_at(layout, "v000001")
    return layout


@pytest.mark.parametrize("word", [["skip"], ["stop"], ["checkpoint"], ["evaluate", "--now"]])
def test_a_request_about_the_moment_needs_a_daemon(
    finetuned: Command, layout: Layout, word: list[str]
) -> None:
    done = finetuned(*word, "--root", layout.root)
    assert done.exit_code == 7
    assert "finetuned run" in done.stderr
    assert not (layout.control / word[0]).exists()


def test_pause_without_a_daemon_waits_for_the_next_one(finetuned: Command, layout: Layout) -> None:
    assert finetuned("pause", "--root", layout.root).exit_code == 0
    assert (layout.control / "pause").exists()
    assert finetuned("resume", "--root", layout.root).exit_code == 0
    assert not (layout.control / "pause").exists()


def test_promote_without_a_daemon_moves_the_link(finetuned: Command, two_versions: Layout) -> None:
    done = finetuned("promote", "0", "--root", two_versions.root)
    assert done.exit_code == 0, done.stderr
    assert current_model.read(two_versions) == "v000000"
    assert "current_model is v000000" in done.stdout


def test_an_unknown_version_is_refused(finetuned: Command, two_versions: Layout) -> None:
    done = finetuned("promote", "v000009", "--root", two_versions.root)
    assert done.exit_code == 8
    assert "v000009" in done.stderr
    assert current_model.read(two_versions) == "v000001"


def test_rollback_goes_to_the_version_it_is_given(finetuned: Command, two_versions: Layout) -> None:
    assert finetuned("rollback", "v000000", "--root", two_versions.root).exit_code == 0
    assert current_model.read(two_versions) == "v000000"


def test_versions_as_json_are_their_manifests_with_current(
    finetuned: Command, two_versions: Layout
) -> None:
    listed = json.loads(finetuned("versions", "--json", "--root", two_versions.root).stdout)
    assert [(v["version"], v["verdict"], v["current"]) for v in listed] == [
        ("v000000", "base", False),
        ("v000001", "base", True),
    ]
    assert "→ v000001" in finetuned("versions", "--root", two_versions.root).stdout


def test_retrain_needs_a_job_that_has_ended(finetuned: Command, layout: Layout) -> None:
    assert finetuned("retrain", "--root", layout.root).exit_code == 2
    assert finetuned("retrain", "000001-x", "--root", layout.root).exit_code == 1
    assert finetuned("retrain", "--all", "--root", layout.root).exit_code == 0


def test_retrain_as_new_puts_a_copy_into_the_inbox(finetuned: Command, layout: Layout) -> None:
    """A job stays as old as it is when it is trained again: a later file still corrects it."""
    place = layout.job("done", "000001-prices")
    place.folder.mkdir(parents=True)
    place.job_file.write_text(json.dumps({"name": "prices.jsonl"}))
    place.original.write_text('{"prompt": "q", "completion": "a"}\n')
    place.own_settings.write_text("[training]\nepochs = 2\n")
    done = finetuned("retrain", "1", "--as-new", "--root", layout.root)
    assert done.exit_code == 0 and "prices.jsonl is in the inbox" in done.stdout
    assert (layout.inbox / "prices.jsonl").read_bytes() == place.original.read_bytes()
    assert (layout.inbox / "prices.settings.toml").read_text().startswith("[training]")
    place.original.unlink()
    assert finetuned("retrain", "1", "--as-new", "--root", layout.root).exit_code == 1


def test_lineage_new_is_refused_before_the_base_is_ready(
    finetuned: Command, layout: Layout
) -> None:
    done = finetuned("lineage", "new", "--root", layout.root)
    assert done.exit_code == 8
    assert "not ready" in done.stderr
