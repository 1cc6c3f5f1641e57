"""The self-check finds defects that training once had, put back into the code that it runs."""

from pathlib import Path

import pytest

from daemon.self_check.children import LATE, NOT_BEGUN, NOT_BEGUN_LATE, CheckOptions, check
from daemon.self_check.finding import CheckRow

PLANTED = str(Path(__file__).with_name("planted.py"))


def found(defect: str, *only: str, most_s: float = 300.0) -> dict[str, CheckRow]:
    wanted = CheckOptions(only=only)
    listed = list(check(wanted, most_s, program=(PLANTED, defect)))
    return {finding.check: finding for finding in listed}


@pytest.mark.parametrize(
    ("defect", "name", "words"),
    [
        ("half_precision_to_numpy", "answers", "a bfloat16 model cannot answer: ValueError"),
        ("other_masks_when_computed_again", "gradient checkpointing", "dropout 0.3: "),
        ("adapters_anywhere", "adapters outside layers", "embedding that is the head: "),
        (
            "texts_that_see_each_other",
            "texts in one row",
            "rows cannot be packed: the other texts",
        ),
        ("texts_that_see_each_other", "packed gradient", "packed and one by one"),
        ("moments_left_behind", "commit and resume", "a commit and three more"),
    ],
)
def test_a_planted_defect_is_wrong_with_a_sentence_that_says_where(
    defect: str, name: str, words: str
) -> None:
    finding = found(defect, name)[name]
    assert finding.state == "wrong"
    assert words in finding.found.split(";")[0]


def test_a_check_that_ends_its_process_is_named_and_the_others_go_on() -> None:
    states = found("driver_that_dies")
    assert {name: one.state for name, one in states.items()} == {
        "first": "ok",
        "second": "wrong",
        "third": "ok",
    }
    assert "signal 6" in states["second"].found
    assert "device" in states["second"].found


def test_what_is_not_done_in_time_is_left_out_and_named() -> None:
    """Checks behind the one that took too long were missing in the table: it read as complete."""
    states = found("driver_that_hangs", most_s=30.0)
    assert {name: (one.state, one.found) for name, one in states.items()} == {
        "first": ("left out", LATE),
        "second": ("left out", NOT_BEGUN_LATE),
    }


def test_checks_whose_process_does_not_start_again_are_left_out_and_named() -> None:
    """They were missing in the table."""
    states = found("driver_that_never_starts_again")
    assert {name: one.state for name, one in states.items()} == {
        "first": "wrong",
        "the process": "wrong",
        "second": "left out",
        "third": "left out",
    }
    assert states["second"].found == NOT_BEGUN


def test_a_process_that_dies_between_two_checks_is_named_and_the_others_go_on() -> None:
    """Nothing was under way: all that came behind was given up."""
    states = found("driver_that_dies_between_checks")
    assert {name: one.state for name, one in states.items()} == {
        "first": "ok",
        "the process": "wrong",
        "second": "ok",
    }
