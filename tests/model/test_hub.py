"""A model of the hub: fetched once, gone on with after a break, checked, and refused in a sentence.

The hub is a small one on this machine; no test leaves it.
"""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from daemon.errors import ModelFault
from daemon.layout import Layout
from daemon.model.bases import prepare
from daemon.model.interruption import Interrupted
from daemon.model.loading import load_model
from tests.model.hub_server import Hub, serving

WEIGHTS = "model.safetensors"


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    (tmp_path / "workspace").mkdir()
    # What other programs of this user have downloaded is not looked at.
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("daemon.model.hub.REST_S", 0.0)
    return Layout(tmp_path / "workspace")


@pytest.fixture
def hub(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()
    made.fill(tiny_base)
    with serving(made):
        monkeypatch.setattr(constants, "ENDPOINT", made.url)
        yield made


def refused(layout: Layout, model: str = "test/tiny") -> ModelFault:
    with pytest.raises(ModelFault) as caught:
        prepare(layout, model)
    assert "\n" not in caught.value.message
    return caught.value


def test_a_model_of_the_hub_becomes_a_base_and_is_not_fetched_again(
    layout: Layout, hub: Hub
) -> None:
    facts = prepare(layout, "test/tiny")
    assert (facts.name, facts.source) == ("test--tiny", f"hub:test/tiny@{hub.revision}")
    load_model(layout.base(facts.name))
    before = len(hub.asked)
    assert prepare(layout, "test/tiny") == facts
    layout.base_facts(facts.name).unlink()
    assert prepare(layout, "test/tiny") == facts
    assert len(hub.asked) == before


def test_a_workspace_that_is_moved_takes_its_download_along(
    layout: Layout, hub: Hub, tmp_path: Path
) -> None:
    facts = prepare(layout, "test/tiny")
    layout.root.rename(tmp_path / "moved")
    before = len(hub.asked)
    assert prepare(Layout(tmp_path / "moved"), "test/tiny") == facts
    assert len(hub.asked) == before


def test_progress_names_the_file_and_the_bytes(layout: Layout, hub: Hub) -> None:
    said: list[str] = []

    def attend(doing: str, wait_s: float = 0.0) -> bool:
        said.append(doing)
        return False

    prepare(layout, "test/tiny", attend)
    total = sum(map(len, hub.files.values())) / 1e6
    downloads = [words for words in said if "downloaded" in words]
    assert downloads[-1] == f"{WEIGHTS}, {total:.1f} of {total:.1f} MB downloaded"


def test_a_connection_that_breaks_in_the_middle_is_gone_on_with(layout: Layout, hub: Hub) -> None:
    """A reset in the middle ended the trainer: the library that fetched let it through."""
    half = len(hub.files[WEIGHTS]) // 2
    hub.drops = [half, 1_000]
    prepare(layout, "test/tiny")
    assert hub.asked_for(WEIGHTS) == [0, half, half + 1_000]


def test_a_download_that_was_left_goes_on_where_it_stood(layout: Layout, hub: Hub) -> None:
    """After a kill gigabytes were fetched from their first byte on: a slow line never got there."""
    half = len(hub.files[WEIGHTS]) // 2
    hub.drops = [half]

    def leaves(doing: str, wait_s: float = 0.0) -> bool:
        return "the connection broke" in doing

    with pytest.raises(Interrupted):
        prepare(layout, "test/tiny", leaves)
    prepare(layout, "test/tiny")
    assert hub.asked_for(WEIGHTS) == [0, half]
    assert hub.asked_for("config.json") == [0]


def test_a_hub_without_ranges_is_asked_for_the_whole_file_again(layout: Layout, hub: Hub) -> None:
    hub.drops, hub.ranges = [len(hub.files[WEIGHTS]) // 2], False
    load_model(layout.base(prepare(layout, "test/tiny").name))


def test_a_file_that_came_wrong_is_fetched_again(layout: Layout, hub: Hub) -> None:
    """Nothing compared a checksum: a flipped byte became the base model."""
    hub.spoiled = 1
    facts = prepare(layout, "test/tiny")
    assert hub.asked_for(WEIGHTS) == [0, 0]
    assert (layout.base(facts.name) / WEIGHTS).read_bytes() == hub.files[WEIGHTS]


@pytest.mark.parametrize("fault", [{"spoiled": 2}, {"longer": 5}])
def test_a_file_that_stays_wrong_is_refused_and_removed(
    layout: Layout, hub: Hub, fault: dict[str, int]
) -> None:
    vars(hub).update(fault)
    found = refused(layout)
    assert found.code == "model_download_failed" and found.passing
    assert "another size or checksum" in found.message
    left = os.listdir(layout.hub_download("test--tiny"))
    assert WEIGHTS not in left and not any(name.endswith(".part") for name in left)


def test_a_download_that_was_damaged_since_is_fetched_again(layout: Layout, hub: Hub) -> None:
    path = layout.base(prepare(layout, "test/tiny").name) / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    prepare(layout, "test/tiny")
    assert path.read_bytes() == hub.files[WEIGHTS]


def test_of_a_newer_revision_only_what_changed_is_fetched(layout: Layout, hub: Hub) -> None:
    hub.drops = [0] * 9
    refused(layout)
    hub.drops, hub.revision = [], "b" * 40
    hub.files["generation_config.json"] = b"{}"
    assert prepare(layout, "test/tiny").source.endswith("b" * 40)
    assert hub.asked_for("tokenizer.json") == [0]


def test_a_model_that_the_hub_does_not_show_is_missing(layout: Layout, hub: Hub) -> None:
    found = refused(layout, "test/other")
    assert found.code == "model_missing"
    assert "no model 'test/other'" in found.message and "check the name" in found.message


def test_a_gated_model_says_where_its_terms_are_accepted(layout: Layout, hub: Hub) -> None:
    hub.gated = True
    found = refused(layout)
    assert found.code == "model_download_failed" and found.passing
    assert f"accept its terms at {hub.url}/test/tiny" in found.message
    assert "hf auth login" in found.message


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "login"), (500, "cannot serve 'test/tiny' now (500)"), (429, "(429)")],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(
    layout: Layout, hub: Hub, status: int, words: str
) -> None:
    hub.refuses = (status, "")
    found = refused(layout)
    assert found.code == "model_download_failed" and words in found.message


def test_without_a_network_it_is_said_what_to_do(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{port}")
    found = refused(layout)
    assert found.code == "model_download_failed" and found.passing
    assert "no model hub could be reached" in found.message
    assert "copy the model's directory here" in found.message


def test_weights_of_a_model_with_code_of_its_own_are_not_fetched(layout: Layout, hub: Hub) -> None:
    """Fault D11."""
    config = json.loads(hub.files["config.json"]) | {"auto_map": {"AutoModel": "evil.py"}}
    hub.files["config.json"] = json.dumps(config).encode()
    hub.files["evil.py"] = b"raise SystemExit"
    assert refused(layout).code == "model_unsupported"
    assert {name for name, _ in hub.asked}.isdisjoint({WEIGHTS, "evil.py"})


def test_a_model_without_safetensors_is_refused_before_anything_is_fetched(
    layout: Layout, hub: Hub
) -> None:
    """Fault D11."""
    hub.files["pytorch_model.bin"] = hub.files.pop(WEIGHTS)
    found = refused(layout)
    assert found.code == "model_unsupported" and "only .bin" in found.message
    assert hub.asked == []


def test_names_that_lead_out_of_the_directory_are_not_fetched(layout: Layout, hub: Hub) -> None:
    """Fault D11."""
    hub.more_names = ["../evil.json", "..evil.json", "sub/evil.json", "..\\evil.json"]
    prepare(layout, "test/tiny")
    assert not any("evil" in name for name, _ in hub.asked)


def test_a_disk_without_room_is_told_before_anything_is_fetched(layout: Layout, hub: Hub) -> None:
    hub.longer = 10**15
    found = refused(layout)
    assert found.passing and "make room" in found.message
    assert hub.asked == []
