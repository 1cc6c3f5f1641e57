"""The learning rate where none is set: what it depends on, and that it never surprises."""

import pytest

from daemon.core.training.learning_rates import RATE, default_rate
from daemon.settings import Settings, TrainingSettings


def test_the_embedded_model_keeps_the_rate_that_was_measured() -> None:
    """576 wide, rank 16, scale 2: runs of earlier releases had this one."""
    assert default_rate(576, 16, 2.0) == RATE == 5e-4


@pytest.mark.parametrize(
    ("width", "rank", "scale", "rate"),
    [
        (None, 16, 2.0, 5e-4),
        (2048, 16, 2.0, 1.9e-4),
        (4096, 16, 2.0, 1.1e-4),
        (4096, 64, 2.0, 4.5e-5),
        (4096, 8, 20.0, 1.1e-5),
        (64, 1, 0.5, 5e-4),
    ],
)
def test_it_falls_with_width_rank_and_scale_and_never_rises_above_it(
    width: int | None, rank: int, scale: float, rate: float
) -> None:
    """One rate for all bases was five times too high for one of 8 billion parameters."""
    assert default_rate(width, rank, scale) == rate


def test_a_rate_that_is_given_is_the_rate() -> None:
    """Whoever wrote one, as every finetuned.toml of earlier releases has it, keeps it."""
    given = Settings.model_validate({"training": {"learning_rate": 5e-4}})
    assert given.with_rate(8192) == given
    assert TrainingSettings(learning_rate=1e-3, rank=64).peak_rate == 1e-3


def test_without_one_it_is_that_for_the_base_and_valid() -> None:
    """The request of a run has a number: a later release trains it as this one would have."""
    chosen = Settings.model_validate({"training": {"rank": 64}}).with_rate(2048)
    assert chosen.training.learning_rate == default_rate(2048, 64, 2.0)
    assert Settings.model_validate(chosen.model_dump()) == chosen
