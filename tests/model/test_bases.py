"""Base models made ready from directories, and what is refused, each in one sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import ModelFault
from daemon.folders.models.bases import read_facts
from daemon.layout import Layout
from daemon.model.bases import prepare
from daemon.model.loading import load_model
from daemon.text.encoder import TextEncoder
from tests.model.tiny import write_model
from tests.tiny_bases import chosen_kind

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "4bit": "4-bit"}
"""What the facts of a base say of each kind."""


@pytest.fixture
def mine(tmp_path: Path, tiny_base: Path) -> Path:
    """The user's own copy of a model."""
    return Path(shutil.copytree(tiny_base, tmp_path / "My Model"))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "workspace").mkdir()
    return Layout(tmp_path / "workspace")


def change(path: Path, **settings: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_a_directory_is_linked_and_its_facts_can_be_read_without_mlx(
    layout: Layout, mine: Path
) -> None:
    facts = prepare(layout, str(mine))
    assert (facts.name, facts.architecture, facts.num_layers) == ("my-model", "llama", 2)
    assert (facts.dtype, facts.context_tokens) == (DTYPES[chosen_kind()], 512)
    assert layout.base("my-model").resolve() == mine
    assert read_facts(layout, str(mine)) == facts
    load_model(layout.base(facts.name))


def test_the_encoder_of_a_base_has_the_fingerprints_of_its_facts(
    layout: Layout, mine: Path
) -> None:
    facts = prepare(layout, str(mine))
    text = TextEncoder.load(layout.base(facts.name))
    assert (text.fingerprint, text.template_fingerprint) == (facts.tokenizer, facts.template)


def test_preparing_again_changes_nothing(layout: Layout, mine: Path) -> None:
    first = prepare(layout, str(mine))
    written = layout.base_facts(first.name).stat().st_ino
    assert prepare(layout, str(mine)) == first
    assert layout.base_facts(first.name).stat().st_ino == written


def test_a_changed_template_is_seen_and_told_in_the_facts(layout: Layout, mine: Path) -> None:
    """Faults D11, T8."""
    first = prepare(layout, str(mine))
    change(mine / "tokenizer_config.json", chat_template="{{ messages }}")
    second = prepare(layout, str(mine))
    assert second.template != first.template
    assert second.fingerprint == first.fingerprint


def test_other_weights_have_another_fingerprint(layout: Layout, mine: Path) -> None:
    first = prepare(layout, str(mine))
    write_model(mine, seed=4)
    layout.base_facts(first.name).unlink()
    assert prepare(layout, str(mine)).fingerprint != first.fingerprint


def test_two_models_of_one_name_lie_side_by_side(
    layout: Layout, mine: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Path(shutil.copytree(mine, tmp_path / "other" / "My Model"))
    one, two = prepare(layout, str(mine)), prepare(layout, str(other))
    assert one.name == "my-model" and two.name.startswith("my-model-")
    assert layout.base(two.name).resolve() == other


def test_a_relative_path_begins_at_the_workspace(layout: Layout, mine: Path) -> None:
    assert prepare(layout, "../My Model").name == "my-model"


def damage_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def only_pickles(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"x")


def outside_index(folder: Path) -> None:
    index = {"weight_map": {"a": "../secret.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def incomplete_index(folder: Path) -> None:
    index = {"weight_map": {"a": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("spoil", "code", "sentence"),
    [
        (damage_weights, "model_damaged", "is damaged"),
        (only_pickles, "model_unsupported", "pickled weights"),
        (outside_index, "model_unsupported", "outside the model's directory"),
        (incomplete_index, "model_damaged", "is incomplete"),
        (lambda f: (f / "config.json").unlink(), "model_damaged", "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "model_damaged", "cannot be read"),
        (lambda f: (f / "tokenizer.json").unlink(), "model_damaged", "no tokenizer"),
        (
            lambda f: change(f / "config.json", auto_map={"AutoModel": "evil.py"}),
            "model_unsupported",
            "Python code of its own",
        ),
        (
            lambda f: change(f / "config.json", model_type="nothing_like_it"),
            "model_unsupported",
            "cannot run",
        ),
        (
            lambda f: change(f / "config.json", model_type="../evil"),
            "model_damaged",
            "names no model_type",
        ),
    ],
)
def test_an_unfit_directory_is_refused_in_one_sentence(
    layout: Layout, mine: Path, spoil: Callable[[Path], object], code: str, sentence: str
) -> None:
    """Fault D11."""
    spoil(mine)
    with pytest.raises(ModelFault) as caught:
        prepare(layout, str(mine))
    assert caught.value.code == code
    assert sentence in caught.value.message and "\n" not in caught.value.message
    assert read_facts(layout, str(mine)) is None


@pytest.mark.parametrize("model", ["nowhere", "/nowhere/at/all", "../nowhere"])
def test_a_model_that_is_nowhere_is_missing(layout: Layout, model: str) -> None:
    with pytest.raises(ModelFault) as caught:
        prepare(layout, model)
    assert caught.value.code == "model_missing"


def test_a_file_that_is_no_model_is_refused(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ModelFault, match="neither a model directory nor a GGUF file"):
        prepare(layout, str(tmp_path / "notes.txt"))
