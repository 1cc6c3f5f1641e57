"""Generates answers with a model: a batch of prompts greedily, or one as a stream."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from daemon.core.evaluation.answer_memory import PREFILL_MOST
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.evaluation.sampling import Sampling, until_stop
from daemon.model.backend import Module, mx
from daemon.model.token_masks import processor
from daemon.model.token_sampling import sampler_for
from daemon.model.wiring import keep_mlx_lm_from_wiring
from daemon.text.token_constraint import TokenConstraint

# mlx_lm imports mlx by itself: it must come after the back end is set up.
from mlx_lm.generate import BatchGenerator, GenerationBatch, StopSequences  # isort: skip
from mlx_lm.generate import stream_generate  # isort: skip
from mlx_lm.tokenizer_utils import TokenizerWrapper  # isort: skip

keep_mlx_lm_from_wiring()


@dataclass
class _Draft:
    """An unfinished answer."""

    place: int
    """The index of its prompt."""
    tokens: list[int] = field(default_factory=list)
    log_probability: float = 0.0
    began_s: float = math.inf
    ended: bool = False


def answer_batch(
    model: Module,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[Sequence[int]],
    limits: AnswerLimits,
    interrupted: Callable[[], bool],
    on_answer: Callable[[int, Answer], None] | None = None,
) -> list[Answer] | None:
    """Return the greedy answers, each up to its end-of-turn token or a limit; None if interrupted.

    `interrupted` is polled between tokens; `on_answer` receives each answer with the index of its
    prompt as soon as it has ended. The model is in evaluation mode meanwhile; its mode is restored.
    """
    was_training = model.training
    found: dict[int, Answer] = {}

    def ended(draft: _Draft) -> None:
        found[draft.place] = _answer(tokenizer, draft)
        if on_answer is not None:
            on_answer(draft.place, found[draft.place])

    model.eval()
    try:
        whole = _generate(model, tokenizer, prompts, limits, interrupted, ended)
    finally:
        model.train(was_training)
    return [found[place] for place in range(len(prompts))] if whole else None


def _generate(
    model: Module,
    tokenizer: TokenizerWrapper,
    prompts: Sequence[Sequence[int]],
    limits: AnswerLimits,
    interrupted: Callable[[], bool],
    ended: Callable[[_Draft], None],
) -> bool:
    """Generate all answers, and pass each to `ended` when it is done; False when interrupted."""
    # Prompts that are prefilled together are padded to the longest of them.
    order = sorted(range(len(prompts)), key=lambda number: -len(prompts[number]))
    generator = BatchGenerator(
        model,
        max_tokens=limits.tokens,
        completion_batch_size=limits.at_once,
        prefill_batch_size=min(PREFILL_MOST, limits.at_once),
    )
    ends = StopSequences([[token] for token in sorted(tokenizer.eos_token_ids)])
    try:
        uids = generator.insert(
            [list(prompts[number]) for number in order], stop_sequences=[ends] * len(order)
        )
        open_drafts = {uid: _Draft(number) for uid, number in zip(uids, order, strict=True)}
        while open_drafts:
            if interrupted():
                return False
            done = _extend(open_drafts, generator.next_generated())
            late = [
                uid
                for uid, draft in open_drafts.items()
                if uid not in done and _is_late(draft, limits.seconds)
            ]
            generator.remove(late)
            for uid in (*done, *late):
                ended(open_drafts.pop(uid))
    finally:
        generator.close()
    return True


def _extend(
    open_drafts: dict[int, _Draft], responses: Sequence[GenerationBatch.Response]
) -> list[int]:
    """Add a token to each draft that has one; return those that end with it."""
    done = []
    chances = (
        mx.stack([one.logprobs[one.token] for one in responses]) if responses else mx.array([])
    )
    # NumPy has no bfloat16, in which most models compute on a GPU.
    numbers = np.asarray(chances.astype(mx.float32), dtype=np.float64)
    for one, chance in zip(responses, numbers, strict=True):
        draft = open_drafts[one.uid]
        draft.began_s = min(draft.began_s, monotonic())
        if one.finish_reason != "stop":
            draft.tokens.append(one.token)
            draft.log_probability += float(chance)
        if one.finish_reason is not None:
            draft.ended = one.finish_reason == "stop"
            done.append(one.uid)
    return done


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
    constraint: TokenConstraint | None = None,
) -> Iterator[str]:
    """Yield the text of one answer as it comes; a constraint holds it to a form."""
    found = stream_generate(
        model,
        tokenizer,
        mx.array(list(prompt)),
        max_tokens=sampling.max_tokens,
        sampler=sampler_for(sampling),
        logits_processors=None if constraint is None else [processor(constraint)],
    )
    texts = (
        # At its end an answer may be cut in the middle of a character.
        str(chunk.text).rstrip("\ufffd") if chunk.finish_reason else str(chunk.text)
        for chunk in found
    )
    return until_stop((text for text in texts if text), sampling.stops)
