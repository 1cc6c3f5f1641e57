"""When a loss has jumped."""

from daemon.core.training.jumps import jumped

CALM: list[float | None] = [2.0, 1.9, 2.1, 1.8, 2.0, 1.7, 1.9, 1.8, 1.7, 1.9, 1.6, 1.8]


def test_a_loss_that_stays_high_has_jumped_where_it_began() -> None:
    """Fault T10."""
    assert jumped([*CALM, 6.0, 7.0, 6.5]) == len(CALM)
    assert jumped([*CALM, 6.0, None, 7.0, 6.5]) == len(CALM)


def test_it_began_where_the_first_loss_was_high() -> None:
    assert jumped([*CALM, 1.9, 7.0, 6.5]) == len(CALM) + 1


def test_one_hard_batch_and_a_calm_loss_are_no_jump() -> None:
    assert jumped(CALM) is None
    assert jumped([*CALM, 9.0, 1.8, 1.7]) is None
    assert jumped([*CALM, 2.6, 2.7, 2.6]) is None


def test_small_losses_may_double_and_early_ones_may_do_anything() -> None:
    assert jumped([*([0.02] * 12), 0.2, 0.3, 0.2]) is None
    assert jumped([9.0, 2.0, 12.0, 12.0, 12.0]) is None
    assert jumped([]) is None
