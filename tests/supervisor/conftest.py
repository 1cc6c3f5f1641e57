"""The parts of a daemon in a folder of its own, and its supervisor, closed at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.supervisor.supervisor import Supervisor
from tests.supervisor.parts import Parts, parts_of


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """A module that needs others has its own under this name."""
    return parts_of(tmp_path)


@pytest.fixture
def supervisor(parts: Parts) -> Iterator[Supervisor]:
    """One that looks and acts when a test says so."""
    made = parts.supervisor()
    yield made
    made._close()
