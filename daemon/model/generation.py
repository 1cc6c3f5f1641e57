"""Lets a model answer, a batch at a time or word by word; knows no templates and no scores."""

from collections.abc import Callable, Iterator, Sequence

from daemon.core.sampling import Sampling, until_stop
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
    sampling: Sampling,
) -> Iterator[str]:
    """Give the pieces of one answer as they come."""
    if sampling.seed is not None:
        mx.random.seed(sampling.seed)

    def sampler(log_probabilities: mx.array) -> mx.array:
        # mlx-lm refuses as many words as there are, or more.
        every = sampling.top_k >= log_probabilities.shape[-1]
        choose: Callable[[mx.array], mx.array] = make_sampler(
            temp=sampling.temperature,
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            top_k=0 if every else sampling.top_k,
        )
        return choose(log_probabilities)

    found = stream_generate(
        model, tokenizer, mx.array(list(prompt)), max_tokens=sampling.max_tokens, sampler=sampler
    )
    return until_stop((str(piece.text) for piece in found if piece.text), sampling.stops)
