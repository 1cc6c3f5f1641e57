"""Whose daemon it is (fault D8)."""

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command


def test_root_is_no_daemon_of_another_users_workspace_unless_told(
    finetuned: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "w"
    assert finetuned("init", root).exit_code == 0
    if os.geteuid() == 0:
        os.chown(root, 65534, 65534)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    refused = finetuned("run", "--until-idle", "--rehearse", "--root", root)
    assert refused.exit_code == 2 and "--as-root" in refused.stderr
    assert not (root / "queue" / ".lock").exists()
