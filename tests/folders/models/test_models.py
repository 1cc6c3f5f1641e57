"""Sealed versions: known by their manifests alone, numbered for ever, checked before use."""

import os
import shutil
from pathlib import Path

import pytest

from daemon.folders.models.models import Models, verify
from daemon.layout import Layout
from tests.manifests import BASE, manifest

WHEN = "2030-01-01T00:00:00+00:00"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "w")


@pytest.fixture
def models(layout: Layout) -> Models:
    made = Models(layout)
    made.make_folders()
    return made


def seal(models: Models) -> str:
    return models.seal_base(WHEN, BASE, {})


def test_the_number_of_a_removed_version_is_never_given_again(
    models: Models, layout: Layout
) -> None:
    """Fault V8."""
    assert [seal(models), seal(models)] == ["v000000", "v000001"]
    shutil.rmtree(layout.version("v000001"))
    assert seal(Models(layout)) == "v000002"


def test_without_the_counter_numbers_go_on_behind_what_is_there(
    models: Models, layout: Layout
) -> None:
    """A restored backup may have lost it (fault V8)."""
    seal(models)
    (layout.versions / ".last").unlink()
    assert seal(Models(layout)) == "v000001"


def test_a_copy_with_other_times_is_the_same_version(
    models: Models, layout: Layout, tmp_path: Path
) -> None:
    """Fault V11."""
    name = seal(models)
    copy = Layout(tmp_path / "restored")
    shutil.copytree(layout.versions, copy.versions)
    for path in copy.version(name).iterdir():
        os.utime(path, (0, 0))
    restored = Models(copy)
    assert restored.versions() == models.versions()
    assert restored.complete() == models.complete() == {name}
    assert verify(copy.version(name)) is None


@pytest.mark.parametrize("damage", ["flipped", "shorter", "longer", "gone"])
def test_an_altered_file_is_found_by_its_name(models: Models, layout: Layout, damage: str) -> None:
    """Faults V3, T5."""
    folder = layout.version(seal(models))
    path = folder / "adapters.safetensors"
    data = path.read_bytes()
    changed = {
        "flipped": bytes([data[0] ^ 1]) + data[1:],
        "shorter": data[:-1],
        "longer": data + b"x",
    }
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(changed[damage])
    problem = verify(folder)
    assert problem is not None and problem.startswith(path.name)


def test_a_manifest_that_cannot_be_read_is_told_and_left_as_it_is(
    models: Models, layout: Layout
) -> None:
    """Also one of a newer schema (faults V3, D15)."""
    torn, newer = layout.version(seal(models)), layout.version(seal(models))
    (torn / "manifest.json").write_text("{")
    text = (newer / "manifest.json").read_text()
    later = text.replace('"schema_version": 1', '"schema_version": 2')
    (newer / "manifest.json").write_text(later)
    fresh = Models(layout)
    assert fresh.versions() == {} and len(fresh.unreadable) == 2
    assert (newer / "manifest.json").read_text() == later


def test_a_version_that_was_mended_or_removed_is_told_of_no_more(tmp_path: Path) -> None:
    """One that could not be read once was none, and an alert, until the next start."""
    layout = Layout(tmp_path)
    models = Models(layout)
    models.make_folders()
    name = models.seal_base("2030-01-01T00:00:00+00:00", BASE, {})
    manifest = layout.version(name) / "manifest.json"
    whole = manifest.read_bytes()
    manifest.write_text("{")
    fresh = Models(layout)
    assert fresh.versions() == {} and fresh.unreadable
    manifest.write_bytes(whole)
    assert list(fresh.versions()) == [name] and not fresh.unreadable


def test_what_a_killed_daemon_left_beside_a_manifest_is_no_part_of_the_version(
    models: Models, layout: Layout, tmp_path: Path
) -> None:
    """The temporary file of a manifest moved among the versions with the next try."""
    candidate = tmp_path / "candidate"
    candidate.mkdir()
    (candidate / "draft.json").write_text("{}")
    (candidate / ".tmp-7-manifest.json").write_text("{")
    models.seal(candidate, manifest("v000001"))
    assert {path.name for path in layout.version("v000001").iterdir()} == {
        "manifest.json",
        "manifest.sha256",
    }
