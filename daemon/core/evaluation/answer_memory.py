"""Estimates the memory of answers generated concurrently: KV caches, logits, prefill.

Each answer has a KV cache, the keys and values of all layers for its prompt and its tokens so far,
and one row of logits. During prefill, of up to `PREFILL_MOST` prompts at once, the activations of
one layer exist for each of their tokens.
"""

from daemon.core.training.footprint import FP32_BYTES, ModelShape

ANSWERS_MOST = 32
"""Most answers generated at once; a finished one is replaced by the next."""

PREFILL_MOST = 8
"""Prompts prefilled at once."""

PREFILL_TOKENS = 2048
"""Tokens of each prompt prefilled at once."""

STEP = 256
"""A KV cache grows by this many tokens: its length is the next multiple."""

LOGIT_COPIES = 3
"""Copies of each answer's logits: as computed, in fp32, and as probabilities."""


def cache_bytes(model: ModelShape, tokens: int) -> int:
    """Return the bytes of the KV cache of one answer with so many tokens."""
    long = -(-tokens // STEP) * STEP
    return 2 * model.layers * model.key_width * long * model.dtype_bytes


def answering_bytes(model: ModelShape, prompt: int, new: int, answers: int) -> int:
    """Return the peak memory of several answers, without the model itself.

    `prompt` and `new` are the tokens of the longest prompt and of the longest answer.
    """
    numbers = 2 * model.intermediate + 4 * model.hidden + model.query_width + 2 * model.key_width
    reading = min(answers, PREFILL_MOST) * min(prompt, PREFILL_TOKENS)
    logits = answers * model.vocabulary * LOGIT_COPIES * FP32_BYTES
    kept = answers * cache_bytes(model, prompt + new)
    return kept + logits + reading * numbers * model.dtype_bytes


def answers_that_fit(model: ModelShape, prompt: int, new: int, room: int) -> int:
    """Return how many answers can be generated at once in `room` bytes: 32, 16, …; at least 1."""
    answers = ANSWERS_MOST
    while answers > 1 and answering_bytes(model, prompt, new, answers) > room:
        answers //= 2
    return answers
