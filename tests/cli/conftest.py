"""What the tests of the command line share: real workspaces and the real commands."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from daemon.cli.entry import build
from daemon.cli.run import make_workspace
from daemon.folders import locks
from daemon.layout import Layout

Command = Callable[..., Result]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A fresh workspace."""
    made = Layout((tmp_path / "workspace").resolve())
    make_workspace(made)
    return made


@pytest.fixture
def finetuned() -> Command:
    """The command, run in this process; an unexpected exception fails the test."""

    def invoke(*words: str | Path, typed: str = "") -> Result:
        return CliRunner().invoke(
            build(), [str(word) for word in words], input=typed, catch_exceptions=False
        )

    return invoke


@pytest.fixture
def lock_held(layout: Layout) -> Iterator[None]:
    """A living daemon, as far as its lock says."""
    lock = locks.acquire(layout.workspace_lock)
    assert lock is not None
    yield
    lock.release()
