"""The parts of a daemon in a folder of its own, and its supervisor, closed at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import app
from daemon.layout import Layout
from daemon.supervisor.parts import Parts
from daemon.supervisor.supervisor import Supervisor


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """A module that needs others has its own under this name."""
    return app._parts(Layout(tmp_path), rehearse=True, console=False)


@pytest.fixture
def supervisor(parts: Parts) -> Iterator[Supervisor]:
    """One that looks and acts when a test says so."""
    made = Supervisor(parts)
    yield made
    made._close()
