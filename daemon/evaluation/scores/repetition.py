"""Repetition within an answer (seq-rep-n), and variety over a set of answers (distinct-n).

References: `seq-rep-n` of Welleck et al. 2020, "Neural Text Generation with Unlikelihood
Training"; distinct-n of Li et al. 2016, "A Diversity-Promoting Objective Function".
"""

from collections.abc import Iterable, Sequence

from daemon.evaluation.scores.overlap import words_of

SIZE = 4


def repetition(answer: str, size: int = SIZE) -> float:
    """Return the share of repeated word n-grams in an answer; 0 if it is too short for one."""
    ngrams = _ngrams(words_of(answer), size)
    return 1.0 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def distinct(answers: Iterable[str], size: int) -> float | None:
    """Return the distinct n-grams of all answers over all n-grams; None if there is none."""
    ngrams = [ngram for answer in answers for ngram in _ngrams(words_of(answer), size)]
    return len(set(ngrams)) / len(ngrams) if ngrams else None


def _ngrams(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
