"""The file of a service manager: whole at once, for its owner to change only, errors named."""

import os
from pathlib import Path

import pytest

from daemon.errors import UserFault
from daemon.folders import services


def test_a_file_is_written_with_its_folders_replaced_read_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "systemd" / "user" / "x.service"
    assert services.read(path) is None
    services.write(path, b"one")
    services.write(path, b"two")
    assert services.read(path) == b"two"
    assert os.listdir(path.parent) == [path.name]
    services.remove(path)
    services.remove(path)
    assert services.read(path) is None


def test_nobody_else_may_change_what_is_started_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "x.service"
    before = os.umask(0)
    try:
        services.write(path, b"one")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.service"
    path.mkdir()
    for deed in (services.read, services.remove, lambda there: services.write(there, b"x")):
        with pytest.raises(UserFault, match=str(path)):
            deed(path)
    assert os.listdir(tmp_path) == [path.name]
