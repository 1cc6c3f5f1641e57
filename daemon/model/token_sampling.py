"""Chooses the next word of an answer as a user wants it; knows no model and no text."""

from collections.abc import Callable
from secrets import randbits

from daemon.core.evaluation.sampling import Sampling
from daemon.model.backend import mx

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.sample_utils import apply_min_p, apply_top_k, apply_top_p, greedy_sampler  # isort: skip

Chooser = Callable[[mx.array], mx.array]


def choosing(sampling: Sampling) -> Chooser:
    """Return what takes log-probabilities of shape (rows, words) and returns a word for each row.

    Random numbers come from the answer's own seed, so that answers made side by side do not
    change each other's. All greedy answers get the same function: mlx-lm calls it once a step.
    """
    if sampling.temperature == 0:
        greedy: Chooser = greedy_sampler
        return greedy
    key = mx.random.key(randbits(32) if sampling.seed is None else sampling.seed)

    def choose(log_probabilities: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        left = _filtered(log_probabilities, sampling)
        return mx.random.categorical(left * (1 / sampling.temperature), key=now)

    return choose


def _filtered(log_probabilities: mx.array, sampling: Sampling) -> mx.array:
    """Leave out the words that may not be chosen, in mlx-lm's order."""
    if 0 < sampling.top_p < 1:
        log_probabilities = apply_top_p(log_probabilities, sampling.top_p)
    if sampling.min_p:
        log_probabilities = apply_min_p(log_probabilities, sampling.min_p)
    # mlx-lm refuses as many words as there are, or more.
    if 0 < sampling.top_k < log_probabilities.shape[-1]:
        log_probabilities = apply_top_k(log_probabilities, sampling.top_k)
    return log_probabilities
