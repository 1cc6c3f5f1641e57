"""A base model of the hub under a whole daemon: its progress, and a kill in the middle."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.workspace import Workspace
from tests.model.hub_server import Hub, serving
from tests.model.tiny import write_model

pytestmark = pytest.mark.end_to_end

WEIGHTS = "model.safetensors"
SETTINGS = 'model = "test/tiny"\n'


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub(gate=threading.Event())
    made.fill(write_model(tmp_path / "tiny"))
    with serving(made):
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        yield made


def downloads(space: Workspace) -> bool:
    return f": {WEIGHTS}, " in space.status().get("message", "")


def test_a_download_is_seen_in_the_status_and_goes_on_after_a_kill(
    tmp_path: Path, hub: Hub
) -> None:
    """The status said nothing of a download, and after a kill it began at its first byte."""
    assert hub.gate is not None
    with Workspace(tmp_path / "w", settings=SETTINGS, rehearse=False) as space:
        space.start()
        space.wait("a download", lambda: downloads(space))
        assert "MB downloaded" in space.status()["message"]
        space.kill()
        hub.gate.set()
        assert space.drain() == 0
        assert space.current() == "v000000"
    begins = hub.asked_for(WEIGHTS)
    assert begins[0] == 0 and begins[1] >= len(hub.files[WEIGHTS]) // 2 and len(begins) == 2
