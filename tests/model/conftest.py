"""Models that the tests of this room share; making them is the slow part."""

from pathlib import Path

import pytest

from daemon.core.workspace.bases import BaseFacts
from daemon.layout import Layout
from daemon.model.bases import prepare
from tests.model.tiny import write_model


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model; nobody writes to it."""
    return write_model(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture(scope="session")
def exact_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in float32 whatever kind the tests are about; nobody writes to it."""
    return write_model(tmp_path_factory.mktemp("tiny") / "model", kind="fp32")


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, BaseFacts]:
    """The embedded default model, converted once; only for tests marked `model`."""
    layout = Layout(tmp_path_factory.mktemp("smollm2"))
    return layout, prepare(layout, "smollm2-135m")
