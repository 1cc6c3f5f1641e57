"""Answers of a random model."""

from pathlib import Path

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
