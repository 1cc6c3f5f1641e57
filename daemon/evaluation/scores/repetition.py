"""How much an answer, or a set of answers, says again; knows no golden answer.

References: `seq-rep-n` of Welleck et al. 2020, "Neural Text Generation with Unlikelihood
Training"; distinct-n of Li et al. 2016, "A Diversity-Promoting Objective Function".
"""

from collections.abc import Iterable, Sequence

from daemon.evaluation.scores.overlap import words_of

SIZE = 4


def repetition(answer: str, size: int = SIZE) -> float:
    """Return the share of an answer's runs of words that it has said before; 0 where none fits."""
    runs = _runs(words_of(answer), size)
    return 1.0 - len(set(runs)) / len(runs) if runs else 0.0


def distinct(answers: Iterable[str], size: int) -> float | None:
    """Return the distinct runs of all answers over all runs; None where there is none."""
    runs = [run for answer in answers for run in _runs(words_of(answer), size)]
    return len(set(runs)) / len(runs) if runs else None


def _runs(words: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
