"""When an answer counts as right."""

import pytest

from daemon.evaluation.matching import matches


@pytest.mark.parametrize(
    ("golden", "answer", "right"),
    [
        ("Paris", " Paris\n", True),
        ("a  b", "a b", True),
        ("Paris", "paris", False),
        ("Paris", "Paris.", False),
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}', True),
        ('{"a": 1}', '{"a": 2}', False),
        ('{"a": 1}', '{"a": 1', False),
        ("[1, 2]", "[1,2]", True),
        ("1.0", "1", False),
        ("", "", True),
    ],
)
def test_words_are_compared_as_words_and_json_as_values(
    golden: str, answer: str, right: bool
) -> None:
    assert matches(golden, answer) is right


def test_deeply_nested_answers_are_no_error() -> None:
    assert not matches("[1]", "[" * 100_000)
