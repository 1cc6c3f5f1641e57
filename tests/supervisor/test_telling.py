"""What the supervisor tells once, and of which file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import app
from daemon.layout import Layout
from daemon.supervisor.parts import Parts
from daemon.supervisor.supervisor import Supervisor


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return app._parts(Layout(tmp_path), rehearse=True, console=False)


@pytest.fixture
def supervisor(parts: Parts) -> Iterator[Supervisor]:
    made = Supervisor(parts)
    yield made
    made._close()


def told(parts: Parts) -> list[str]:
    lines = parts.layout.events_file.read_text().splitlines()
    return [line for line in lines if '"leftover"' in line]


def look(supervisor: Supervisor) -> None:
    supervisor._tell(supervisor._observer.look(stopping=False))


def test_a_leftover_is_told_once_however_often_it_is_seen_or_grows(
    supervisor: Supervisor, parts: Parts
) -> None:
    path = parts.layout.inbox / "notes.txt"
    for number in range(3):
        path.write_text("more " * number)
        look(supervisor)
    assert len(told(parts)) == 1


def test_a_leftover_with_the_inode_of_an_earlier_one_is_told_too(
    supervisor: Supervisor, parts: Parts
) -> None:
    """It was known by its inode, which a file that is removed leaves to the next one."""
    path = parts.layout.inbox / "notes.txt"
    path.touch()
    look(supervisor)
    path.rename(parts.layout.inbox / "letter.txt")
    look(supervisor)
    assert ["letter.txt" in line for line in told(parts)] == [False, True]
