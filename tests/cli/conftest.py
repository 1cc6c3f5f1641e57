"""What the tests of the command line share: real workspaces and the real commands."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from daemon.cli.commands.run import make_workspace
from daemon.cli.entry import build
from daemon.folders.disk import locks
from daemon.layout import Layout
from tests.end_to_end.workspace import Workspace, chats

Command = Callable[..., Result]

HOSTILE = "\x1b[31mred\x1b[0m [bold]\u202egnp[/bold]"


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


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two versions, trained by the rehearsal; no daemon lives there any more."""
    root = tmp_path_factory.mktemp("trained") / "w"
    with Workspace(root) as workspace:
        workspace.drop("first.jsonl", chats(40))
        assert workspace.drain() == 0, workspace.story()
        hostile = {"prompt": "say it", "completion": HOSTILE}
        lines = [json.dumps(row) for row in (*chats(40, 500), hostile)]
        workspace.drop("a[bold]b.jsonl", [*lines, "no row"])
        assert workspace.drain() == 0, workspace.story()
        assert workspace.current() == "v000002"
    return root
