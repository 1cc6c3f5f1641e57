"""Right answers to the suites, as they are told after every run."""

from daemon.core.evaluation.benchmarks import benchmarks_of
from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.evaluations import Evaluations, Mean, Summary


def summary(**right: tuple[int, int]) -> Summary:
    items = sum(count for _, count in right.values())
    return Summary(items, Mean(0.5, items), {}, {}, {}, 1.0, None, None, right=right)


def test_the_figures_of_a_run_are_told_by_difficulty_and_overall() -> None:
    """`Easy: 95 % (95/100) … Overall: 73 %` was asked for after each run."""
    answers = {
        "easy_100": {"candidate": summary(easy=(95, 100)), "base": summary(easy=(1, 100))},
        "hard_100": {"candidate": summary(hard=(51, 100))},
        "own_holdout": {"candidate": summary(medium=(3, 9))},
    }
    found = benchmarks_of(Evaluations(answers=answers))
    assert found is not None
    assert found.sentence == "Easy: 95 % (95/100), Hard: 51 % (51/100), Overall: 73 % (146/200)"
    again = from_json_value(to_json_value(Evaluations(answers=answers)), Evaluations)
    assert benchmarks_of(again) == found
    base = benchmarks_of(again, "base")
    assert base is not None and base.overall == (1, 100)


def test_suites_of_one_difficulty_are_named() -> None:
    answers = {
        name: {"candidate": summary(easy=counts)}
        for name, counts in {"a": (1, 2), "b": (2, 2)}.items()
    }
    found = benchmarks_of(Evaluations(answers=answers))
    assert found is not None
    words = "Easy: 75 % (3/4), a: 50 % (1/2), b: 100 % (2/2), Overall: 75 % (3/4)"
    assert found.sentence == words


def test_hold_outs_alone_are_no_benchmark() -> None:
    answers = {"own_holdout": {"candidate": summary(medium=(3, 9))}}
    assert benchmarks_of(Evaluations(answers=answers)) is None
