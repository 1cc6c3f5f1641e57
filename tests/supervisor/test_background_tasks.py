"""Work beside the tick: what fails there is told and harms nothing."""

import errno
import threading
from pathlib import Path

import pytest

from daemon.folders.disk import atomic
from daemon.folders.models.models import Models
from daemon.layout import Layout
from daemon.supervisor.background_tasks import BackgroundTasks
from tests.manifests import BASE


def test_a_second_copy_without_room_is_told_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault V2."""
    layout = Layout(tmp_path)
    models = Models(layout)
    models.make_folders()
    version = models.seal_base("2030-01-01T00:00:00+00:00", BASE, {})

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(atomic, "copy_file", full)
    background = BackgroundTasks(layout, models, lambda: None)
    background.back_up(version)
    background.close()
    assert "no space" in background.take_failed_copies()[version]
    assert list(layout.backups.iterdir()) == []
    assert layout.version(version).is_dir()


def test_a_version_that_was_mended_is_read_again(tmp_path: Path) -> None:
    """`promote` went on refusing it as damaged until the daemon was started again."""
    layout = Layout(tmp_path)
    store = Models(layout)
    store.make_folders()
    name = store.seal_base("2026-01-01T00:00:00+00:00", BASE, {})
    path = layout.version(name) / "adapters.safetensors"
    whole, read = path.read_bytes(), threading.Event()
    background = BackgroundTasks(layout, store, read.set)
    path.write_bytes(b"x")
    background.verify(name)
    assert read.wait(30.0) and background.verified() == {name: False}
    path.write_bytes(whole)
    assert background.verified() == {}
    read.clear()
    background.verify(name)
    assert read.wait(30.0) and background.verified() == {name: True}
    background.close()
