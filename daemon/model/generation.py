"""Answers: many at once and greedy for measuring, one as a stream for people; knows no template."""

from collections.abc import Iterator, Sequence
from typing import Any

from mlx_lm.generate import batch_generate, stream_generate
from mlx_lm.sample_utils import make_sampler

from daemon.model.backend import mx


def generate_batch(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], max_tokens: int
) -> list[str]:
    """Return the greedy answers to prompts of tokens, in order."""
    if not prompts:
        return []
    asked = [list(prompt) for prompt in prompts]
    answers: list[str] = batch_generate(model, tokenizer, asked, max_tokens=max_tokens).texts
    return answers


def stream(
    model: Any, tokenizer: Any, prompt: Sequence[int], *, max_tokens: int, temperature: float
) -> Iterator[str]:
    """Give one answer piece by piece."""
    parts = stream_generate(
        model,
        tokenizer,
        mx.array(list(prompt)),
        max_tokens=max_tokens,
        sampler=make_sampler(temp=temperature),
    )
    for part in parts:
        yield part.text
