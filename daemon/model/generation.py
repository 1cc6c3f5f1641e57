"""Lets a model answer, a batch at a time or word by word; knows no templates and no scores."""

from collections.abc import Iterator, Sequence

from daemon.model.backend import Module, mx

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.generate import batch_generate, stream_generate  # isort: skip
from mlx_lm.sample_utils import make_sampler  # isort: skip
from mlx_lm.tokenizer_utils import TokenizerWrapper  # isort: skip


def generate_batch(
    model: Module,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[Sequence[int]],
    max_tokens: int,
) -> list[str]:
    """Return the greedy answers, each up to its end-of-turn token or `max_tokens` tokens.

    The model is in evaluation mode meanwhile and as it was afterwards.
    """
    if not prompts:
        return []
    was_training = model.training
    model.eval()
    try:
        found = batch_generate(
            model, tokenizer, [list(prompt) for prompt in prompts], max_tokens=max_tokens
        )
    finally:
        model.train(was_training)
    return [str(text) for text in found.texts]


def stream(
    model: Module,
    tokenizer: TokenizerWrapper,
    prompt: Sequence[int],
    max_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | None = None,
) -> Iterator[str]:
    """Give the pieces of one answer as they come; at temperature 0 the likeliest words."""
    if seed is not None:
        mx.random.seed(seed)
    sampler = make_sampler(temp=temperature, top_p=top_p if top_p < 1.0 else 0.0)
    for piece in stream_generate(
        model, tokenizer, mx.array(list(prompt)), max_tokens=max_tokens, sampler=sampler
    ):
        if piece.text:
            yield str(piece.text)
