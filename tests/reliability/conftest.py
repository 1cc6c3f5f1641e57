"""Folders in memory, where there are any: a sync costs nothing there.

For tests in which not the medium but a recording says what was made durable.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

IN_MEMORY = "/dev/shm"


def _folder() -> Iterator[Path]:
    where = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="finetuned-test-", dir=where) as folder:
        yield Path(folder)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder of one test."""
    yield from _folder()


@pytest.fixture(scope="module")
def shared_memory() -> Iterator[Path]:
    """A folder of the tests of one module."""
    yield from _folder()
