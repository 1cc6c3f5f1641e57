"""What answers are held against: the answers of their own file, or of their suite."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.evaluation.suites import suite_of
from daemon.evaluation.writing import MOST_ANSWERS, expected_writing, job_of_file
from daemon.layout import Layout
from tests.core.suite_samples import suite

BOLD = "**Tea.**\n\n- hot\n- sweet"


def job(layout: Layout, name: str, dropped: str, answers: list[str]) -> None:
    place = layout.job("done", name)
    place.folder.mkdir(parents=True)
    card = {
        "schema_version": 1,
        "job": name,
        "arrival": int(name[:6]),
        "priority": "normal",
        "name": dropped,
        "name_bytes": dropped.encode().hex(),
        "claimed_at": "2030-01-01T00:00:00+00:00",
    }
    place.job_file.write_text(json.dumps(card))
    turn = {"role": "user", "content": "?"}
    rows = [
        {"row": n, "messages": [turn, {"role": "assistant", "content": answer}]}
        for n, answer in enumerate(answers)
    ]
    place.train.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    job(made, "000001-tea", "tea.jsonl", [BOLD] * 8)
    job(made, "000002-plain", "plain.jsonl", ["one word"] * 4)
    return made


def test_a_files_habit_is_that_of_its_own_answers_under_its_own_name(layout: Layout) -> None:
    found = expected_writing(layout, ["000001-tea", "000002-plain"], [], None)
    tea, plain = (found.of("holdouts", name).habit for name in ("000001-tea", "000002-plain"))
    assert tea is not None and plain is not None
    assert (tea.name, tea.of_three, tea.characters) == ("tea.jsonl", 3.0, len(BOLD))
    assert (plain.name, plain.of_three) == ("plain.jsonl", 0.0)


def test_a_suite_with_golden_answers_shows_itself_how_it_is_answered(layout: Layout) -> None:
    """Its habit is fixed with its bytes, so a grade compares over versions."""
    lakes = suite("lakes", "a", "bb", "ccc")
    found = expected_writing(layout, [], [lakes], "000001-tea").of("lakes").habit
    assert found is not None and (found.name, found.longest) == ("lakes", 3)


def test_own_prompts_are_held_against_the_newest_file_or_the_one_that_they_name(
    layout: Layout,
) -> None:
    prompts = suite("probes", "a")
    prompts = replace(prompts, items=tuple(replace(one, answers=()) for one in prompts.items))
    newest = expected_writing(layout, [], [prompts], "000002-plain").of("probes").habit
    assert newest is not None and newest.name == "plain.jsonl"
    named = replace(prompts, habit="tea.jsonl")
    fixed = expected_writing(layout, [], [named], "000002-plain").of("probes").habit
    assert fixed is not None and fixed.name == "tea.jsonl"
    assert expected_writing(layout, [], [prompts], None).of("probes").habit is None


def test_a_file_is_found_by_its_name_or_its_job(layout: Layout) -> None:
    job(layout, "000003-tea", "tea.jsonl", [BOLD])
    assert job_of_file(layout, "tea.jsonl") == "000003-tea"
    assert job_of_file(layout, "000001-tea") == "000001-tea"
    assert job_of_file(layout, "coffee.jsonl") is None


def test_of_a_large_file_answers_are_taken_evenly(layout: Layout) -> None:
    count = 4 * MOST_ANSWERS
    job(layout, "000004-long", "long.jsonl", ["x" * (n + 1) for n in range(count)])
    habit = expected_writing(layout, ["000004-long"], [], None).of("", "000004-long").habit
    assert habit is not None and habit.answers == MOST_ANSWERS
    assert abs(habit.characters - count / 2) < 4


def test_the_header_of_a_suite_may_name_the_file_of_its_habit() -> None:
    header = {
        **dict.fromkeys(("title", "task", "licence", "origin"), "x"),
        "suite": "mine",
        "scorer": "overlap",
        "answer_field": "answers",
        "difficulty": "easy",
    }
    rows = [(1, header | {"habit": "tea.jsonl"}), (2, {"prompt": "?"})]
    found = suite_of("mine", rows, "0").suite
    assert found is not None and found.habit == "tea.jsonl"
    wrong = suite_of("mine", [(1, header | {"habit": 3}), (2, {"prompt": "?"})], "0")
    assert "'habit' in the header is not a string" in wrong.sentences[0]
