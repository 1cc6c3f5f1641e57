"""How long answers take follows from measurements alone."""

from daemon.core.evaluation.pace import paces_of, seconds_for
from daemon.core.evaluation.reports import AnsweringFigures


def measured(answers: int, seconds: float) -> AnsweringFigures:
    return AnsweringFigures(answers, 0, 5 * answers, seconds, 2**20)


def test_time_is_that_of_earlier_answers_to_the_same_suite_else_of_all() -> None:
    """A comparison that took half an hour did not say so before it began."""
    paces = paces_of(
        [
            ("quick", measured(10, 5.0)),
            ("quick", measured(10, 15.0)),
            ("slow", measured(20, 80.0)),
            ("slow", measured(0, 0.0)),
            ("slow", None),
        ]
    )
    assert seconds_for(paces, {"quick": 7, "slow": 2}) == 15.0
    assert seconds_for(paces, {"new": 4}) == 10.0


def test_what_was_never_measured_is_not_guessed() -> None:
    assert seconds_for({}, {"quick": 7}) is None
