"""Decides whether an answer is right, by the main metric of its scorer."""

from collections.abc import Mapping

from daemon.core.evaluation.suites import ScorerName

EXACT = "exact_match"
WORD_METRICS = (EXACT, "token_f1")

MAIN: dict[ScorerName, str] = {
    "exact": "exact_match",
    "overlap": "token_f1",
    "fields": "extraction",
    "calls": "correct_call",
}
"""The main metric of a suite."""


def right_by(scorer: ScorerName, metrics: Mapping[str, float]) -> bool | None:
    """Return whether an answer with these metrics is right; None without a golden answer.

    An answer scored by word overlap is right when it is an exact match.
    """
    main = MAIN[scorer]
    found = metrics.get(EXACT if main in WORD_METRICS else main)
    return None if found is None else found == 1.0
