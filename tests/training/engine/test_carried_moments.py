"""What a run takes over of the moments of the run before, with the real engine, by optimizer."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from safetensors.numpy import load_file

from daemon.core.records import from_json_value
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine.optimizers import FIRST_MOMENT
from daemon.training.engine.protocol import MOMENTS, EncodedPass
from tests.training.tiny_llama import TinyEngine

OPTIMIZERS = get_args(TrainingSettings.model_fields["optimizer"].annotation)
HALVED = {
    "adamw": "m",
    "adam": "m",
    "adamax": "m",
    "lion": "m",
    "sgd": "v",
    "muon": "v",
    "adagrad": None,
    "adadelta": None,
    "adafactor": None,
    "rmsprop": None,
}


def one_pass() -> EncodedPass:
    tokens = np.arange(5, 29, dtype=np.int32)
    return EncodedPass(24, ((Encoded(tokens, np.ones(24, np.bool_)),),), False)


# A weight of DoRA is called "m", as the mean of gradients is with adam.
@pytest.mark.parametrize(
    ("optimizer", "kind"),
    [*((name, "lora") for name in OPTIMIZERS), ("muon", "dora"), ("adamw", "dora")],
)
def test_decay_halves_the_mean_of_gradients_and_nothing_else(
    tmp_path: Path, optimizer: str, kind: str
) -> None:
    """With muon nothing was halved: it keeps its mean under another name than adam."""
    engine, layout = TinyEngine(), Layout(tmp_path)
    base = layout.base(engine.prepare(layout, "tiny").name)
    shape = {"rank": 2, "scale": 2.0, "dropout": 0.0, "num_layers": 2, "keys": ()}
    spec = from_json_value({"kind": kind, **shape}, AdapterSpec)
    training = TrainingSettings.model_validate(
        {"optimizer": optimizer, "row_tokens": 64, "pass_tokens": 64}
    )
    scratch, first, second = (tmp_path / name for name in ("scratch", "first", "second"))
    for folder in (scratch, first, second):
        folder.mkdir()
    engine.load(base, spec, training, None, 1, scratch, None)
    for seed in (1, 2):
        engine.step([one_pass()], 1e-2, seed)
    engine.save(first)
    decay = training.model_copy(update={"carry_moments": "decay"})
    assert engine.load(base, spec, decay, first, 1, scratch, None)
    engine.save(second)
    before, after = load_file(first / MOMENTS), load_file(second / MOMENTS)
    moved = {name for name in before if not np.array_equal(before[name], after[name])}
    wanted = HALVED[optimizer]
    named = {name for name in before if wanted and name.rpartition(".")[2] == wanted}
    assert moved == {name for name in named if before[name].any()} and bool(named) == bool(wanted)
    assert all(np.array_equal(after[name], before[name] * 0.5) for name in named)
    assert bool(moved) == (wanted is not None)


def test_every_optimizer_says_where_its_mean_of_gradients_is() -> None:
    assert set(FIRST_MOMENT) == set(OPTIMIZERS) == set(HALVED)
