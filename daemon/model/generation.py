"""Lets a model answer, a batch at a time or word by word; knows no templates and no scores."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from daemon.core.answers import Answer, Limits
from daemon.core.sampling import Sampling, until_stop
from daemon.model.backend import Module, mx
from daemon.model.choosing import choosing

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.generate import BatchGenerator, GenerationBatch, StopSequences  # isort: skip
from mlx_lm.generate import stream_generate  # isort: skip
from mlx_lm.tokenizer_utils import TokenizerWrapper  # isort: skip

AT_ONCE = 32
"""Answers in the making; one that is done gives its place to the next."""

PREFILL_AT_ONCE = 8


@dataclass
class _Draft:
    """An answer in the making."""

    tokens: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    began_s: float = math.inf
    ended: bool = False


def answer_batch(
    model: Module,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[Sequence[int]],
    limits: Limits,
    interrupted: Callable[[], bool],
) -> list[Answer] | None:
    """Return the greedy answers, each up to its end-of-turn token or a limit; None if interrupted.

    `interrupted` is asked between tokens. The model is in evaluation mode meanwhile and as it was
    afterwards.
    """
    was_training = model.training
    model.eval()
    try:
        drafts = _drafts(model, tokenizer, prompts, limits, interrupted)
    finally:
        model.train(was_training)
    return None if drafts is None else [_answer(tokenizer, draft) for draft in drafts]


def _drafts(
    model: Module,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[Sequence[int]],
    limits: Limits,
    interrupted: Callable[[], bool],
) -> list[_Draft] | None:
    drafts = [_Draft() for _ in prompts]
    # Prompts that are begun together are padded to the longest of them.
    order = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
    generator = BatchGenerator(
        model, max_tokens=limits.tokens, completion_batch_size=AT_ONCE,
        prefill_batch_size=PREFILL_AT_ONCE,
    )  # fmt: skip
    ends = StopSequences([[token] for token in sorted(tokenizer.eos_token_ids)])
    try:
        uids = generator.insert(
            [list(prompts[number]) for number in order], stop_sequences=[ends] * len(order)
        )
        open_drafts = {uid: drafts[number] for uid, number in zip(uids, order, strict=True)}
        while open_drafts:
            if interrupted():
                return None
            _extend(open_drafts, generator.next_generated())
            late = [uid for uid, draft in open_drafts.items() if _is_late(draft, limits.seconds)]
            generator.remove(late)
            for uid in late:
                del open_drafts[uid]
    finally:
        generator.close()
    return drafts


def _extend(open_drafts: dict[int, _Draft], said: Sequence[GenerationBatch.Response]) -> None:
    """Add a token to each draft that has one; those that end leave."""
    chances = mx.stack([one.logprobs[one.token] for one in said]) if said else mx.array([])
    for one, chance in zip(said, np.asarray(chances, dtype=np.float64), strict=True):
        draft = open_drafts[one.uid]
        draft.began_s = min(draft.began_s, monotonic())
        if one.finish_reason != "stop":
            draft.tokens.append(one.token)
            draft.log_probability += float(chance)
        if one.finish_reason is not None:
            draft.ended = one.finish_reason == "stop"
            del open_drafts[one.uid]


def _is_late(draft: _Draft, limit_s: float) -> bool:
    return monotonic() - draft.began_s > limit_s


def _answer(tokenizer: TokenizerWrapper, draft: _Draft) -> Answer:
    count = len(draft.tokens)
    confidence = math.exp(draft.log_probability / count) if count else None
    return Answer(str(tokenizer.decode(draft.tokens)), count, confidence, draft.ended)


def stream(
    model: Module,
    tokenizer: TokenizerWrapper,
    prompt: Sequence[int],
    sampling: Sampling,
) -> Iterator[str]:
    """Give the pieces of one answer as they come."""
    found = stream_generate(
        model,
        tokenizer,
        mx.array(list(prompt)),
        max_tokens=sampling.max_tokens,
        sampler=choosing(sampling),
    )
    return until_stop((str(piece.text) for piece in found if piece.text), sampling.stops)
