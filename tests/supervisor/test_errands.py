"""Work beside the tick: what fails there is told and harms nothing."""

import errno
from pathlib import Path

import pytest

from daemon.folders import atomic
from daemon.folders.models import Models
from daemon.layout import Layout
from daemon.supervisor.errands import Errands


def test_a_second_copy_without_room_is_told_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault V2."""
    layout = Layout(tmp_path)
    models = Models(layout)
    models.make_folders()
    version = models.seal_base("2030-01-01T00:00:00+00:00", {"name": "tiny"}, {})

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(atomic, "copy_file", full)
    errands = Errands(layout, models, lambda: None)
    errands.back_up(version)
    errands.close()
    assert "no space" in errands.failed_copies()[version]
    assert list(layout.backups.iterdir()) == []
    assert layout.version(version).is_dir()
