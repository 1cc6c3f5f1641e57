"""An inbox, the folder it is in and a clock that stands still."""

from pathlib import Path

import pytest

from daemon.folders.inbox.inbox import Inbox
from daemon.layout import Layout
from tests.clocks import StillClock
from tests.folders.inbox.settling import made


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def inbox(layout: Layout, clock: StillClock) -> Inbox:
    return made(layout, clock, unfinished_s=0.0)
