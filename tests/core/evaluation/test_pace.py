"""How long answers take follows from measurements alone."""

from daemon.core.evaluation.pace import paces_of, seconds_for


def test_time_is_that_of_earlier_answers_to_the_same_suite_else_of_all() -> None:
    """A comparison that took half an hour did not say so before it began."""
    paces = paces_of(
        [
            ("quick", {"answers": 10, "seconds": 5.0}),
            ("quick", {"answers": 10, "seconds": 15.0}),
            ("slow", {"answers": 20, "seconds": 80.0}),
            ("slow", {"answers": 0, "seconds": 0.0}),
            ("slow", None),
        ]
    )
    assert seconds_for(paces, {"quick": 7, "slow": 2}) == 15.0
    assert seconds_for(paces, {"new": 4}) == 10.0


def test_what_was_never_measured_is_not_guessed() -> None:
    assert seconds_for({}, {"quick": 7}) is None
