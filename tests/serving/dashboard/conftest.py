"""What the tests of the dashboard share: a living daemon by its lock, a server, a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.serving.dashboard import watch
from tests.serving.dashboard.alone import Alone
from tests.serving.dashboard.furnished import furnished

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look more often, for the sake of those who wait for the tests."""
    monkeypatch.setattr(watch, "POLL_S", 0.1)


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A workspace in training, and a daemon that lives, as far as its lock says."""
    made = furnished(tmp_path / "workspace")
    lock = locks.acquire(made.workspace_lock)
    assert lock is not None
    yield made
    lock.release()


@pytest.fixture
def alone(layout: Layout) -> Iterator[Alone]:
    """The dashboard of that workspace."""
    with Alone(layout.root) as server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        found = _found(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def _found(of_playwright: str) -> str:
    found = next(filter(None, map(shutil.which, (*NAMES, of_playwright))), None)
    if found is None:
        pytest.skip("no Chromium here: apt install chromium, or playwright install chromium")
    return found
