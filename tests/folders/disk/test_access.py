"""Whose files they are, and who may read them (fault D8)."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.errors import ExitCode, OwnerFault
from daemon.folders.disk import access, atomic


@pytest.fixture(autouse=True)
def usual_mask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    ("who", "file", "folder"),
    [("owner", 0o600, 0o700), ("group", 0o640, 0o750), ("umask", 0o644, 0o755)],
)
def test_what_is_written_is_readable_by_whom_the_settings_say(
    tmp_path: Path, who: access.Access, file: int, folder: int
) -> None:
    access.restrict(who)
    atomic.make_directory(tmp_path / "made")
    atomic.write_bytes(tmp_path / "made" / "file", b"x")
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == folder
    assert stat.S_IMODE((tmp_path / "made" / "file").stat().st_mode) == file


def another_users(folder: Path) -> Path:
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    return folder


def test_root_does_not_fill_another_users_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = another_users(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(OwnerFault, match="without sudo") as refused:
        access.refuse_foreign_root(root)
    assert refused.value.exit_code == ExitCode.USAGE and str(root) in refused.value.message


def test_a_user_and_root_in_a_workspace_of_roots_are_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access.refuse_foreign_root(Path("/"))
    another_users(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    access.refuse_foreign_root(tmp_path)
