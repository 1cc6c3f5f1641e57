"""What the server's tests share: one server with the stand-in engine."""

from collections.abc import Iterator

import pytest

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.rehearsal import RehearsalEngine
from tests.serving.house import Served, make_models, serving


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose answers name the version."""
    layout = Layout(tmp_path_factory.mktemp("w"))
    make_models(layout)
    with serving(layout, RehearsalEngine(SystemClock(), 0.001), body_s=0.5) as found:
        yield found
