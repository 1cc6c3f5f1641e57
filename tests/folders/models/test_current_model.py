"""The link to the promoted version: never followed elsewhere, never put over something else."""

import os
from pathlib import Path

import pytest

from daemon.errors import DaemonFault
from daemon.folders.models import current_model
from daemon.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.mark.parametrize(
    "target", ["/etc", "../models/versions/v000001", "models/versions/../../x", "models/base/tiny"]
)
def test_a_link_to_anywhere_else_names_no_version(layout: Layout, target: str) -> None:
    """Fault V5."""
    layout.current_model.symlink_to(target)
    assert current_model.read(layout) is None


def test_a_folder_in_its_place_is_refused_and_kept(layout: Layout) -> None:
    """Fault V5."""
    layout.current_model.mkdir()
    (layout.current_model / "mine").write_text("kept")
    assert current_model.read(layout) is None
    with pytest.raises(DaemonFault, match="is not a symbolic link: move it away"):
        current_model.point_at(layout, "v000001")
    assert (layout.current_model / "mine").read_text() == "kept"


def test_a_volume_without_links_is_refused_in_one_sentence(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault V9."""

    def unsupported(*_: object) -> None:
        raise PermissionError(1, "operation not permitted")

    monkeypatch.setattr(os, "symlink", unsupported)
    with pytest.raises(DaemonFault, match="cannot hold symbolic links"):
        current_model.point_at(layout, "v000001")


def test_a_crash_before_the_rename_leaves_the_link_on_the_old_version(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault V1, invariant I4."""
    current_model.point_at(layout, "v000001")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("daemon.folders.disk.atomic.os.replace", crash)
    with pytest.raises(KeyboardInterrupt):
        current_model.point_at(layout, "v000002")
    assert current_model.read(layout) == "v000001"
    monkeypatch.undo()
    current_model.point_at(layout, "v000002")
    assert current_model.read(layout) == "v000002"
