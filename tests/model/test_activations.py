"""SwiGLU on the CPU beside its definition in float64."""

from typing import Any

import numpy as np
import pytest
from mlx_lm.models import activations as theirs

from daemon.model import activations
from daemon.model.backend import mx
from tests.footprint import gained_mib
from tests.model.families import make

NUMBERS = np.concatenate(
    [np.linspace(-86.0, 86.0, 4001), np.linspace(-1e-3, 1e-3, 101), [0.0, -0.0]]
).astype(np.float32)


def test_exp_is_nearer_to_the_true_value_than_a_millionth() -> None:
    true = np.exp(NUMBERS.astype(np.float64))
    found = np.array(activations.exp(mx.array(NUMBERS)), np.float64)
    assert np.abs(found / true - 1.0).max() < 4e-7


def test_numbers_beyond_the_range_give_the_limits() -> None:
    gate, x = mx.array([200.0, -200.0, 1e30, -1e30]), mx.ones(4)
    found = np.array(activations.swiglu(gate, x))
    np.testing.assert_allclose(found, [200.0, 0.0, 1e30, 0.0], rtol=1e-6, atol=1e-6)


def test_what_is_not_finite_stays_so() -> None:
    nan = mx.array([float("nan"), 1.0])
    assert np.isnan(np.array(activations.swiglu(nan, mx.ones(2)))).tolist() == [True, False]
    assert np.isnan(np.array(activations.swiglu(mx.ones(2), nan))).tolist() == [True, False]


def test_value_and_gradient_are_those_of_the_definition() -> None:
    gate = NUMBERS.astype(np.float64)
    x = np.linspace(-2.0, 2.0, len(gate))
    sigmoid = 1.0 / (1.0 + np.exp(-gate))
    given = mx.array(NUMBERS), mx.array(x.astype(np.float32))

    def total(gate: Any, x: Any) -> Any:
        return activations.swiglu(gate, x).sum()

    found = np.array(activations.swiglu(*given))
    to_gate, to_x = map(np.array, mx.grad(total, argnums=(0, 1))(*given))
    np.testing.assert_allclose(found, gate * sigmoid * x, rtol=2e-6, atol=1e-6)
    expected = x * sigmoid * (1.0 + gate * (1.0 - sigmoid))
    np.testing.assert_allclose(to_gate, expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(to_x, gate * sigmoid, rtol=2e-6, atol=1e-6)


def test_half_precision_is_left_to_mlx_lm() -> None:
    gate, x = (mx.random.normal((64,)).astype(mx.bfloat16) for _ in range(2))
    assert mx.array_equal(activations.swiglu(gate, x), theirs.swiglu(gate, x)).item()


def test_a_model_computes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = make("llama")
    import mlx_lm.models.llama as home

    monkeypatch.setattr(home, "swiglu", theirs.swiglu)
    tokens = mx.arange(9)[None] + 3
    before = np.array(model(tokens))
    activations.use_fast_swiglu(model)
    assert home.swiglu is activations.swiglu
    np.testing.assert_allclose(np.array(model(tokens)), before, rtol=1e-4, atol=1e-5)


LENGTHS = """
from daemon.model.backend import mx
from daemon.model.activations import swiglu

def repeat(number):
    mx.clear_cache()
    mx.eval(swiglu(mx.ones((1, number + 1, 4)), mx.ones((1, number + 1, 4))))
"""


def test_a_thousand_lengths_of_answers_leave_nothing_behind() -> None:
    # Each would keep 40 KiB.
    assert gained_mib(LENGTHS, 100, 1000) < 10


def test_the_answer_is_the_same_before_and_after_the_shapes_are_forgotten() -> None:
    gate, x = mx.random.normal((3, 5)), mx.random.normal((3, 5))
    before = activations.swiglu(gate, x)
    for length in range(6, 6 + activations.MOST_SHAPES):
        mx.eval(activations.swiglu(mx.ones((1, length)), mx.ones((1, length))))
    assert mx.array_equal(activations.swiglu(gate, x), before).item()
