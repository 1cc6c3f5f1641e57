"""Overlap of answers: as the references have it, and where equality is stricter."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.evaluation.scores.overlap import (
    MARKS,
    bleu,
    chrf,
    exact_match,
    normalised,
    rouge_l,
    token_f1,
)

RECORDED = Path(__file__).parent / "recorded" / "words.jsonl"
CASES: list[dict[str, Any]] = [
    json.loads(line) for line in RECORDED.read_text(encoding="utf-8").split("\n") if line
]


def test_there_are_enough_cases_and_they_differ() -> None:
    assert len(CASES) == 600
    assert 60 < sum(case["exact"] for case in CASES) < 540
    assert sum(0.0 < case["rouge_l"] < 1.0 for case in CASES) > 200
    assert sum(case["golden"].isascii() for case in CASES) > 20


def test_normalisation_and_token_f1_are_those_of_squad() -> None:
    for case in CASES:
        golden, answer = case["golden"], case["answer"]
        assert (normalised(golden) == normalised(answer)) == bool(case["exact"]), case
        assert token_f1(golden, answer) == pytest.approx(case["f1"], abs=1e-12), case


def test_exact_match_is_squads_or_stricter() -> None:
    plain = stricter = 0
    for case in CASES:
        golden, answer = case["golden"], case["answer"]
        found = exact_match(golden, answer)
        assert bool(case["exact"]) or not found, case
        if MARKS.isdisjoint(golden + answer) and normalised(golden):
            assert found == bool(case["exact"]), case
            plain += 1
        stricter += bool(case["exact"]) and not found
    assert plain > 50 and stricter > 0


def test_rouge_l_is_that_of_rouge_score() -> None:
    for case in CASES:
        found = rouge_l(case["golden"], case["answer"])
        assert found == pytest.approx(case["rouge_l"], abs=1e-12), case


def test_bleu_and_chrf_are_those_of_sacrebleu_between_0_and_1() -> None:
    for case in CASES:
        golden, answer = case["golden"], case["answer"]
        assert bleu([golden], answer) == pytest.approx(case["bleu"] / 100, abs=1e-9), case
        assert chrf([golden], answer) == pytest.approx(case["chrf"] / 100, abs=1e-9), case


def test_several_golden_answers_help_bleu_and_chrf() -> None:
    one, two = ["a deep lake in Sweden"], ["a deep lake in Sweden", "the lake is very deep"]
    said = "the lake is very deep"
    assert bleu(two, said) > 0.99 > bleu(one, said)
    assert chrf(two, said) > 0.99 > chrf(one, said)


@pytest.mark.parametrize(
    ("golden", "answer", "right"),
    [
        ("Paris", " Paris\n", True),
        ("a  b", "a b", True),
        ("Paris", "paris", True),
        ("Paris", "Paris.", True),
        ("Paris", "**Paris**", True),
        ("the Amazon", "Amazon", True),
        ("vitamin D", "Vitamin C", False),
        ("well-known", "well-known.", True),
        ("rock'n'roll", "Rock'n'Roll", True),
        ("A", "A.", True),
        ("A", "the", False),
        ("1.5", "15", False),
        ("15", "1.5", False),
        ("5", "-5", False),
        ("1.0", "1", False),
        ("a + b", "a - b", False),
        ("f(x)", "fx", False),
        ("+", "-", False),
        ("100", "100%", False),
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": 1}', '{"a": 1', False),
        ("[1, 2]", "[1,2]", True),
        ("東京", "東京。", False),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_prose_is_compared_without_case_and_marks_the_rest_as_it_stands(
    golden: str, answer: str, right: bool
) -> None:
    assert exact_match(golden, answer) is right


def test_deeply_nested_answers_are_no_error() -> None:
    assert not exact_match("[1]", "[" * 100_000)


def test_an_endless_answer_is_scored_in_bounded_time() -> None:
    said = "word " * 200_000
    assert rouge_l("word", said) < 0.01
    assert chrf(["word"], said) < 0.5
