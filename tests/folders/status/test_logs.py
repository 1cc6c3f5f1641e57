"""The log is never a reason to stop."""

import errno
import logging
from pathlib import Path

import pytest

from daemon.folders.status.logs import open_log
from daemon.layout import Layout
from daemon.settings import LogSettings


def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fault D13."""
    layout = Layout(tmp_path)
    log = open_log(layout, LogSettings(), console=False)
    log.info("before")
    [handler] = logging.getLogger("finetuned").handlers
    assert isinstance(handler, logging.FileHandler)

    def full(_: str) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(handler.stream, "write", full)
    log.info("lost")
    monkeypatch.undo()
    log.info("after")
    lines = layout.log_file.read_text().splitlines()
    assert ["before" in lines[0], "after" in lines[-1], len(lines)] == [True, True, 2]
    assert capsys.readouterr().err == ""


def test_the_log_is_rotated_by_size(tmp_path: Path) -> None:
    """Fault D13."""
    layout = Layout(tmp_path)
    log = open_log(layout, LogSettings(max_bytes=4096, keep=2), console=False)
    for number in range(300):
        log.info("a line", number=number)
    files = sorted(path.name for path in layout.logs.iterdir())
    assert files == ["daemon.jsonl", "daemon.jsonl.1", "daemon.jsonl.2"]
    assert all((layout.logs / name).stat().st_size <= 4096 for name in files)
