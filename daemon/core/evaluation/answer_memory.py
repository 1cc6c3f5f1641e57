"""Estimates the memory that answers take that are made side by side; knows no machine, no MLX.

Each answer keeps keys and values of all layers for its prompt and what it has said (the KV cache),
and one row of logits. While prompts are read, up to `PREFILL_MOST` of them at once, one layer's
numbers are there for each of their tokens.
"""

from daemon.core.training.footprint import FP32_BYTES, ModelShape

ANSWERS_MOST = 32
"""Answers in the making; one that is done gives its place to the next."""

PREFILL_MOST = 8
"""Prompts that are read at once."""

PREFILL_TOKENS = 2048
"""Tokens of each that are read at once."""

STEP = 256
"""Tokens by which a cache grows: it is as long as the next multiple."""

LOGIT_COPIES = 3
"""Of each answer's row: as computed, in fp32 and as probabilities."""


def cache_bytes(model: ModelShape, tokens: int) -> int:
    """Return the bytes of the keys and values of so many tokens in one answer."""
    long = -(-tokens // STEP) * STEP
    return 2 * model.layers * model.key_width * long * model.dtype_bytes


def answering_bytes(model: ModelShape, prompt: int, new: int, answers: int) -> int:
    """Return what answers take at their peak, besides the model itself.

    `prompt` and `new` are the tokens of the longest prompt and of the longest answer.
    """
    numbers = 2 * model.intermediate + 4 * model.hidden + model.query_width + 2 * model.key_width
    reading = min(answers, PREFILL_MOST) * min(prompt, PREFILL_TOKENS)
    logits = answers * model.vocabulary * LOGIT_COPIES * FP32_BYTES
    kept = answers * cache_bytes(model, prompt + new)
    return kept + logits + reading * numbers * model.dtype_bytes


def answers_that_fit(model: ModelShape, prompt: int, new: int, room: int) -> int:
    """Return how many answers may be in the making in so many bytes: 32, or half, …; at least 1."""
    answers = ANSWERS_MOST
    while answers > 1 and answering_bytes(model, prompt, new, answers) > room:
        answers //= 2
    return answers
