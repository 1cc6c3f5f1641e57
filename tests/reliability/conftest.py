"""An undisturbed history to compare with, and folders in memory, where a sync costs nothing.

Those are for tests in which not the medium but a recording says what was made durable.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.kills import Calm, calm_history

IN_MEMORY = "/dev/shm"


def _folder(config: pytest.Config) -> Iterator[Path]:
    where: str | None = config.getoption("--in-memory")
    if where is None and os.access(IN_MEMORY, os.W_OK):
        where = IN_MEMORY
    with tempfile.TemporaryDirectory(prefix="finetuned-test-", dir=where) as folder:
        yield Path(folder)


@pytest.fixture
def memory(pytestconfig: pytest.Config) -> Iterator[Path]:
    """A folder of one test."""
    yield from _folder(pytestconfig)


@pytest.fixture(scope="module")
def shared_memory(pytestconfig: pytest.Config) -> Iterator[Path]:
    """A folder of the tests of one module."""
    yield from _folder(pytestconfig)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Calm:
    """The history when nothing happens on the way."""
    return calm_history(tmp_path_factory.mktemp("calm") / "w")
