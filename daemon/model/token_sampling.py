"""Samples the next token of an answer: temperature, top-p, min-p, top-k, seed."""

from collections.abc import Callable
from secrets import randbits

from daemon.core.evaluation.sampling import Sampling
from daemon.model.backend import mx

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.sample_utils import apply_min_p, apply_top_k, apply_top_p, greedy_sampler  # isort: skip

Sampler = Callable[[mx.array], mx.array]


def sampler_for(sampling: Sampling) -> Sampler:
    """Return a function from log-probabilities, (rows, vocabulary), to one token for each row.

    Random numbers come from the answer's own seed, so that concurrent answers do not affect each
    other. All greedy answers get the same function: mlx-lm calls it once a step.
    """
    if sampling.temperature == 0:
        greedy: Sampler = greedy_sampler
        return greedy
    key = mx.random.key(randbits(32) if sampling.seed is None else sampling.seed)

    def sample(log_probabilities: mx.array) -> mx.array:
        nonlocal key
        key, now = mx.random.split(key)
        left = _filtered(log_probabilities, sampling)
        return mx.random.categorical(left * (1 / sampling.temperature), key=now)

    return sample


def _filtered(log_probabilities: mx.array, sampling: Sampling) -> mx.array:
    """Apply the filters in mlx-lm's order."""
    if 0 < sampling.top_p < 1:
        log_probabilities = apply_top_p(log_probabilities, sampling.top_p)
    if sampling.min_p:
        log_probabilities = apply_min_p(log_probabilities, sampling.min_p)
    # mlx-lm refuses a top-k of the vocabulary's size or more.
    if 0 < sampling.top_k < log_probabilities.shape[-1]:
        log_probabilities = apply_top_k(log_probabilities, sampling.top_k)
    return log_probabilities
