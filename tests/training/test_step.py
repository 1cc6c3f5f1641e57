"""One optimizer step on a tiny random llama on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from mlx.utils import tree_flatten
from mlx_lm.models.llama import Model, ModelArgs

from daemon.core.versions import AdapterSpec
from daemon.model import adapters
from daemon.model.backend import mx, nn
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine import EncodedPass
from daemon.training.step import Losses, Padded, Stepper
from tests.training.tiny_llama import CONFIG

SPEC = AdapterSpec("lora", 4, 2.0, 0.0, 2, ())


def stepper(compiled: bool = False, **changes: Any) -> Stepper:
    mx.random.seed(1)
    model = Model(ModelArgs.from_dict(CONFIG))
    adapters.attach(model, SPEC, 5)
    return Stepper(model, TrainingSettings(**changes), compiled)


def rows(count: int = 6) -> list[Encoded]:
    draw = np.random.default_rng(0)
    found = []
    for number in range(count):
        length = 9 + 5 * number
        tokens = draw.integers(3, 300, length).astype(np.int32)
        found.append(Encoded(tokens, np.arange(length) >= length // 2))
    return found


def one_pass(items: Sequence[Encoded]) -> list[EncodedPass]:
    return [EncodedPass(40, tuple(items))]


def row_by_row(items: Sequence[Encoded]) -> list[EncodedPass]:
    return [EncodedPass(len(item.tokens), (item,)) for item in items]


def state_of(made: Stepper) -> dict[str, Any]:
    weights: Any = tree_flatten(made._model.trainable_parameters())
    moments: Any = tree_flatten(made.optimizer.state)
    return {
        **{f"weights {name}": np.array(array) for name, array in weights},
        **{f"moments {name}": np.array(array) for name, array in moments},
    }


@pytest.mark.parametrize("compiled", [False, True])
def test_accumulated_passes_give_the_step_of_one_pass(compiled: bool) -> None:
    whole, parts = stepper(), stepper(compiled, optimizer="sgd")
    whole = stepper(optimizer="sgd")
    for number in range(3):
        first = whole.step(one_pass(rows()), 1e-2, number)
        second = parts.step(row_by_row(rows()), 1e-2, number)
        assert first.loss == pytest.approx(second.loss, rel=1e-5)
        assert first.gradient_norm == pytest.approx(second.gradient_norm, rel=1e-4)
    for name, array in state_of(whole).items():
        np.testing.assert_allclose(state_of(parts)[name], array, atol=1e-5)


def test_the_loss_is_the_mean_over_supervised_tokens_of_the_models_own_logits() -> None:
    made = stepper()
    total, count = 0.0, 0
    for row in rows():
        logits = made._model(mx.array(row.tokens)[None, :-1])[0]
        nats = nn.losses.cross_entropy(logits, mx.array(row.tokens[1:]), reduction="none")
        total += float(np.array(nats)[row.supervised[1:]].sum())
        count += int(row.supervised[1:].sum())
    assert made.step(one_pass(rows()), 0.0, 0).loss == pytest.approx(total / count, rel=1e-5)


def test_a_step_that_is_not_finite_changes_neither_adapter_nor_moments() -> None:
    made = stepper()
    assert made.step(one_pass(rows()), 1e-3, 0).applied
    before = state_of(made)
    norm = made._model.model.norm
    good = norm.weight
    norm.weight = good * float("nan")
    result = made.step(one_pass(rows()), 1e-3, 1)
    assert (result.applied, result.loss, result.gradient_norm) == (False, None, None)
    for name, array in state_of(made).items():
        np.testing.assert_array_equal(array, before[name])
    norm.weight = good
    assert made.step(one_pass(rows()), 1e-3, 2).applied


def test_a_long_gradient_is_scaled_to_the_clip_norm() -> None:
    made = stepper(optimizer="sgd", clip_norm=1e-3)
    before = state_of(made)
    result = made.step(one_pass(rows()), 1.0, 0)
    assert result.gradient_norm is not None and result.gradient_norm > 1e-2
    moved = [
        array - before[name] for name, array in state_of(made).items() if name.startswith("weights")
    ]
    assert np.sqrt(sum((m**2).sum() for m in moved)) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd", "lion", "adafactor", "rmsprop"])
def test_every_optimizer_lowers_the_loss(optimizer: str) -> None:
    made = stepper(optimizer=optimizer, clip_norm=10.0)
    first = made.step(one_pass(rows()), 3e-3, 0).loss
    for number in range(5):
        last = made.step(one_pass(rows()), 3e-3, number).loss
    assert first is not None and last is not None and last < first


def test_a_model_that_scales_its_logits_gets_its_own_whole_call() -> None:
    class Scaled(Model):  # type: ignore[misc] # mlx-lm is not followed
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return super().__call__(*args, **kwargs) * 0.5

    model = Scaled(ModelArgs.from_dict(CONFIG))
    padded = Padded(rows(1), 16, 1, fixed=False)
    halved = Losses(model)(padded.inputs, padded.picks, padded.targets)
    logits = model(padded.inputs).reshape(-1, 300)[padded.picks]
    expected = nn.losses.cross_entropy(logits, padded.targets, reduction="none")
    np.testing.assert_allclose(np.array(halved), np.array(expected), rtol=1e-6)


def test_where_traces_are_kept_the_picks_have_at_most_four_lengths() -> None:
    lengths = {Padded(rows(count), 64, 8, fixed=True).picks.size for count in range(1, 7)}
    assert lengths <= {128, 256, 384, 512}
