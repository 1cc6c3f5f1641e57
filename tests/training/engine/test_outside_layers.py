"""Adapters on the embedding or the head, which cannot be trained here."""

from pathlib import Path
from typing import Any

import pytest

from daemon.core import messages as say
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault, SettingsFault
from daemon.model import adapters
from daemon.model.anatomy import Anatomy
from daemon.settings_file import parse_settings
from tests.model.families import make
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import SETTINGS, chats, make_workspace

KEYS = ("self_attn.q_proj", "model.embed_tokens")


@pytest.mark.parametrize("key", ["model.embed_tokens", "lm_head", "transformer.wte"])
def test_settings_that_adapt_the_embedding_or_the_head_are_refused_as_they_are_read(
    key: str,
) -> None:
    """They were accepted and trained wrongly: the head not at all, the embedding by half."""
    with pytest.raises(SettingsFault, match=f"line 2: training.keys: .*{key} lies outside"):
        parse_settings(f'[training]\nkeys = ["self_attn.q_proj", "{key}"]\n', "finetuned.toml")


def test_a_run_whose_saved_settings_adapt_the_embedding_is_refused_in_a_sentence(
    tmp_path: Path,
) -> None:
    """Its gradient was 54 % off."""
    workspace = make_workspace(tmp_path / "w", TinyEngine())
    workspace.add_job("000001-sums", chats(12), chats(6, "held"))
    training = {**SETTINGS["training"], "keys": list(KEYS)}
    workspace.ask_run("r000001", ["000001-sums"], settings={**SETTINGS, "training": training})
    pipe = workspace.serve(TinyEngine(), say.Train("r000001"))
    (refused,) = [report for report in pipe.sent if isinstance(report, say.RunRefused)]
    assert refused.code == "adapter_unsupported"
    assert "model.embed_tokens lies outside the model's layers" in refused.message
    assert not [report for report in pipe.sent if isinstance(report, say.Stepped)]


@pytest.mark.parametrize(
    ("name", "key"), [("llama", "model.embed_tokens"), ("llama untied", "lm_head")]
)
def test_what_lies_outside_the_layers_is_found_in_the_model(name: str, key: str) -> None:
    model = make(name)
    adapters.attach(model, AdapterSpec("lora", 4, 2.0, 0.0, 2, ("self_attn.q_proj", key)), 1)
    with pytest.raises(ModelFault, match=f"^{key} lies outside the model's layers"):
        adapters.check_trainable(model)


def test_modules_of_single_layers_may_be_named_in_full() -> None:
    model = make("llama")
    spec = AdapterSpec("lora", 4, 2.0, 0.0, 1, ("model.layers.3.self_attn.q_proj",))
    adapters.attach(model, spec, 1)
    adapters.check_trainable(model)


def test_states_below_the_adapters_are_not_kept_where_the_embedding_is_one_of_them() -> None:
    """They were those of whichever embedding was worn when they were computed."""
    model: Any = make("llama")
    adapters.attach(model, AdapterSpec("lora", 4, 2.0, 0.0, 2, KEYS), 1)
    assert Anatomy(model).first_adapted() == 0
