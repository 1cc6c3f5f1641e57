"""Answers of a random model."""

from pathlib import Path

import pytest

from daemon.core.sampling import Sampling
from daemon.model.generation import generate_batch, stream
from daemon.model.loading import load_model

PROMPTS = ([1, 2, 3], [9, 8, 7, 6, 5, 4], [11])


def test_answers_of_a_batch_equal_those_of_each_prompt_alone(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    together = generate_batch(model, tokenizer, PROMPTS, 12)
    alone = [generate_batch(model, tokenizer, [prompt], 12)[0] for prompt in PROMPTS]
    assert together == alone and len(together) == 3


def test_a_streamed_answer_is_the_greedy_one(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    (whole,) = generate_batch(model, tokenizer, [PROMPTS[1]], 12)
    assert "".join(stream(model, tokenizer, PROMPTS[1], Sampling(12))) == whole


def test_a_seed_makes_a_sampled_answer_come_again(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    sampling = Sampling(12, temperature=1.0, top_p=0.9, seed=4)
    one, other = ("".join(stream(model, tokenizer, PROMPTS[0], sampling)) for _ in range(2))
    assert one == other


def test_a_model_in_training_is_in_training_again_afterwards(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    model.train()
    generate_batch(model, tokenizer, [PROMPTS[0]], 2)
    assert model.training


def test_no_prompts_have_no_answers(tiny_base: Path) -> None:
    model, tokenizer = load_model(tiny_base)
    assert generate_batch(model, tokenizer, [], 5) == []


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
    (whole,) = generate_batch(model, tokenizer, [PROMPTS[1]], 12)
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
