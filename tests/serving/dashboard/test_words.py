"""The dashboard's first words, for every state and for a daemon that is gone."""

import pytest

from daemon.core.decisions.pulse import Pulse
from daemon.serving.dashboard.words import STATES, headline

WELL = Pulse(7, 0.0, None)
GONE = Pulse(None, 99.0, "start it with: finetuned run")


@pytest.mark.parametrize("status", STATES)
def test_every_state_has_a_title_and_a_sentence(status: str) -> None:
    words = headline({"status": status, "message": "its own words"}, WELL)
    assert words.title and words.sentence.endswith((".", "resume"))


def test_a_dead_daemon_is_never_said_to_be_at_work() -> None:
    """Fault S3."""
    words = headline({"status": "training"}, GONE)
    assert (words.tone, words.title) == ("trouble", "Not running")
    assert "training" in words.sentence and "finetuned run" in words.detail


def test_one_that_was_stopped_is_no_trouble_and_one_that_never_ran_says_so() -> None:
    assert headline({"status": "stopped"}, GONE).tone == "held"
    assert "never run" in headline(None, GONE).sentence


def test_one_that_does_not_answer_is_named() -> None:
    hangs = Pulse(7, 99.0, "the daemon (pid 7) has not responded for 99 s")
    words = headline({"status": "training"}, hangs)
    assert words.tone == "trouble" and "99 s" in words.detail


def test_what_blocks_is_told_in_the_words_of_the_daemon_and_an_unknown_state_as_it_stands() -> None:
    assert headline({"status": "blocked", "message": "rank is 8"}, WELL).detail == "rank is 8"
    odd = headline({"status": "dreaming", "message": "of sheep"}, WELL)
    assert (odd.title, odd.detail) == ("dreaming", "of sheep")
    assert headline({"status": "idle", "error_message": "broken"}, WELL).detail == "broken"
    assert headline({}, WELL).title
