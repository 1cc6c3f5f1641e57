"""When probes are asked, and what their record says."""

from daemon.core.curves.curves import ProbeAnswer
from daemon.core.records import to_json_value
from daemon.core.training.probes import MilestoneAnswer, is_milestone, probes_of


def line(step: int, answer: str, similarity: float | None = 0.5, id: str = "a") -> object:
    return to_json_value(MilestoneAnswer(step, step, id, "why?", "so", answer, similarity, False))


def bad(**changes: object) -> object:
    return to_json_value(MilestoneAnswer(1, 1, "a", "why?", "so", "a", 0.5, False)) | changes


def test_milestones_lie_closely_at_first_and_the_end_is_one() -> None:
    found = [step for step in range(1738) if is_milestone(step, 1737)]
    assert found == [0, 10, 25, 50, 100, 250, 500, 1000, 1500, 1737]


def test_of_two_answers_at_one_step_the_later_counts_and_steps_are_in_order() -> None:
    records = [line(10, "b"), line(0, "a"), line(10, "c", 1), line(0, "x", None, id="b")]
    (first, second), damaged = probes_of(records)
    assert first.answers == (ProbeAnswer(0, "a", 0.5), ProbeAnswer(10, "c", 1))
    assert second.answers == (ProbeAnswer(0, "x", None),) and damaged == 0


def test_lines_that_are_none_are_counted() -> None:
    records = [bad(step="1"), bad(step=True), bad(similarity="x"), bad(id=3), bad(answer=None)]
    assert probes_of([None, [], {}, *records]) == ([], 8)
