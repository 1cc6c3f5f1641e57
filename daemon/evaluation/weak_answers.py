"""Warns of weak answers: empty, cut off, too short or long, repetitive, or formatted otherwise."""

from daemon.core.evaluation.answers import Answer
from daemon.evaluation.scores.formatting import THREE
from daemon.evaluation.scores.score import Score

FIT = 0.5
"""An answer whose length score is below this is too short or too long."""
USUAL = 0.8
"""A trait that at least this share of the training answers has is expected of every answer."""
REPEATED = 0.3
"""An answer repeats itself if more than this share of its four-word runs occurred before."""
PLURALS = {"bold": "bold", "list": "a list", "paragraphs": "several paragraphs"}


def warnings_of(score: Score, answer: Answer) -> list[str]:
    """Return the weaknesses of an answer; a right answer has none."""
    if score.main == 1.0:
        return []
    if not score.characters:
        return ["empty"]
    found = [] if answer.ended else ["cut off"]
    return [*found, *_length(score), *_formatting(score), *_repetition(score)]


def _length(score: Score) -> list[str]:
    habit = score.habit
    if habit is None or score.metrics.get("length", 1.0) >= FIT:
        return []
    short = score.characters < habit.shortest
    usual = f"usual are {habit.shortest:,} to {habit.longest:,}"
    return [f"too {'short' if short else 'long'}: {score.characters:,} characters, {usual}"]


def _formatting(score: Score) -> list[str]:
    habit = score.habit
    if habit is None:
        return []
    missing = [
        f"{PLURALS[trait]} ({habit.shares[trait]:.0%} have it)"
        for trait in THREE
        if habit.shares.get(trait, 0.0) >= USUAL and trait not in score.traits
    ]
    return [f"without {', '.join(missing)}"] if missing else []


def _repetition(score: Score) -> list[str]:
    repeated = score.metrics.get("repetition", 0.0)
    return [f"repeats itself: {repeated:.0%} of its runs of words"] if repeated > REPEATED else []
