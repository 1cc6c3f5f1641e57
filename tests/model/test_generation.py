"""Answers of a random model."""

from pathlib import Path
from typing import Any

import pytest

from daemon.core.evaluation.answer_memory import ANSWERS_MOST as AT_ONCE
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.evaluation.sampling import Sampling
from daemon.model.backend import mx
from daemon.model.generation import answer_batch, stream
from daemon.model.loading import load_model
from tests.tiny_bases import tolerance

PROMPTS = ([1, 2, 3], [9, 8, 7, 6, 5, 4], [11])


def answers(model: Any, tokenizer: Any, prompts: Any, tokens: int) -> list[Answer]:
    found = answer_batch(model, tokenizer, prompts, AnswerLimits(tokens), lambda: False)
    assert found is not None
    return found


def test_answers_of_a_batch_equal_those_of_each_prompt_alone(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    together = answers(model, tokenizer, PROMPTS, 12)
    alone = [answers(model, tokenizer, [prompt], 12)[0] for prompt in PROMPTS]
    assert [one.text for one in together] == [one.text for one in alone]
    assert [one.tokens for one in together] == [one.tokens for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.confidence == pytest.approx(other.confidence, rel=1e-4)


def test_more_prompts_than_are_answered_at_once_have_their_answers_in_order(
    tiny_base: Path,
) -> None:
    model, tokenizer = load_model(tiny_base)
    prompts = [[1 + n % 5, 2 + n % 7, *range(3, 3 + n % 4)] for n in range(AT_ONCE + 9)]
    together = answers(model, tokenizer, prompts, 4)
    alone = [answers(model, tokenizer, [prompt], 4)[0] for prompt in prompts]
    assert [one.text for one in together] == [one.text for one in alone]


def test_an_answer_tells_how_likely_its_tokens_were(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    (said,) = answers(model, tokenizer, [PROMPTS[1]], 3)
    ids = mx.array([PROMPTS[1] + tokenizer.encode(said.text, add_special_tokens=False)])
    logits = model(ids)[0, len(PROMPTS[1]) - 1 : -1].astype(mx.float32)
    chances = mx.max(logits - mx.logsumexp(logits, axis=-1, keepdims=True), axis=-1)
    assert said.tokens == 3
    likely = float(mx.exp(mx.mean(chances)))
    assert said.confidence == pytest.approx(likely, rel=tolerance(1e-3, 4e-2))


def test_answers_are_left_between_tokens(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    looks = iter([False, False, True])
    assert answer_batch(model, tokenizer, PROMPTS, AnswerLimits(50), lambda: next(looks)) is None
    assert next(looks, "asked three times") == "asked three times"


def test_each_answer_is_told_as_soon_as_it_has_ended(tiny_base: Path) -> None:
    """Nothing was known of answers that had ended before the last of them had."""
    model, tokenizer = load_model(tiny_base)
    prompts = [[1 + n % 5, 2 + n % 7, *range(3, 3 + n % 4)] for n in range(AT_ONCE + 9)]
    told: dict[int, Answer] = {}
    together = answer_batch(
        model, tokenizer, prompts, AnswerLimits(4), lambda: False, told.__setitem__
    )
    assert together is not None and [told[place] for place in range(len(prompts))] == together
    first: dict[int, Answer] = {}
    left = answer_batch(
        model, tokenizer, prompts, AnswerLimits(4), lambda: bool(first), first.__setitem__
    )
    assert left is None and 0 < len(first) < len(prompts)
    assert all(told[place].text == answer.text for place, answer in first.items())


def test_an_answer_that_takes_too_long_is_cut_off_and_says_so(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    found = answer_batch(model, tokenizer, PROMPTS, AnswerLimits(200, seconds=0.0), lambda: False)
    assert found is not None
    assert all(1 <= one.tokens < 200 and not one.ended for one in found)


def test_a_streamed_answer_is_the_greedy_one(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    whole = answers(model, tokenizer, [PROMPTS[1]], 12)[0].text
    assert "".join(stream(model, tokenizer, PROMPTS[1], Sampling(12))) == whole


def test_a_seed_makes_a_sampled_answer_come_again(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    sampling = Sampling(12, temperature=1.0, top_p=0.9, seed=4)
    one, other = ("".join(stream(model, tokenizer, PROMPTS[0], sampling)) for _ in range(2))
    assert one == other


def test_a_model_in_training_is_in_training_again_afterwards(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    model.train()
    answers(model, tokenizer, [PROMPTS[0]], 2)
    assert model.training


def test_no_prompts_have_no_answers(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    assert answers(model, tokenizer, [], 5) == []


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(12, temperature=1.0, top_k=1),
        Sampling(12, temperature=1.0, top_p=0.0001),
        Sampling(12, temperature=1.0, min_p=1.0),
    ],
)
def test_the_narrowest_choice_is_the_likeliest_word(tiny_base: Path, sampling: Sampling) -> None:
    model, tokenizer = load_model(tiny_base)
    whole = answers(model, tokenizer, [PROMPTS[1]], 12)[0].text
    assert "".join(stream(model, tokenizer, PROMPTS[1], sampling)) == whole


def test_more_words_than_there_are_is_all_of_them(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    one, other = (
        "".join(stream(model, tokenizer, PROMPTS[0], Sampling(12, 1.0, top_k=top_k, seed=4)))
        for top_k in (0, 100_000)
    )
    assert one == other


def test_another_seed_gives_another_answer(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    answers = {
        "".join(stream(model, tokenizer, PROMPTS[0], Sampling(12, 1.0, seed=seed)))
        for seed in range(5)
    }
    assert len(answers) > 1


def test_an_answer_ends_before_a_stop(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    whole = "".join(stream(model, tokenizer, PROMPTS[1], Sampling(12)))
    stop = whole[3:5]
    said = "".join(stream(model, tokenizer, PROMPTS[1], Sampling(12, stops=(stop,))))
    assert said == whole[: whole.index(stop)]
