"""Counts the failures of answers by kind for each subject, with examples."""

from collections import Counter
from collections.abc import Mapping

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.reports import FailureExample, FailureFigures
from daemon.core.evaluation.suites import SuiteItem
from daemon.evaluation.scored_answers import ScoredAnswers
from daemon.evaluation.scores.score import Score

EXAMPLES = 3
"""Examples of each kind: of the last subject that has it."""


def failures_of(answers: ScoredAnswers) -> list[FailureFigures]:
    """Return each kind of failure of each suite: how often each subject has it, and examples."""
    return [one for place in range(len(answers.questions)) for one in _of_suite(answers, place)]


def kinds_of(item: SuiteItem, score: Score, answer: Answer) -> tuple[str, ...]:
    """Return how an answer fails; each kind once."""
    if score.main == 1.0:
        return ()
    if not score.characters:
        return ("empty",)
    cut = () if answer.ended else ("cut_off",)
    if score.main is None:
        return cut
    # Where calls or records are compared, what is wrong with them says more than "another answer".
    others = ("no_word_right",) if score.metrics.get("token_f1") == 0.0 else ("other_answer",)
    return tuple(dict.fromkeys((*cut, *(score.failures or others))))


def _of_suite(answers: ScoredAnswers, place: int) -> list[FailureFigures]:
    counts: dict[str, Counter[str]] = {}
    found: dict[str, list[tuple[SuiteItem, dict[int, tuple[Score, Answer]], int]]] = {}
    for item, by_subject in answers.rows(place):
        for who, (score, answer) in by_subject.items():
            for kind in kinds_of(item, score, answer):
                counts.setdefault(kind, Counter())[answers.names[who]] += 1
                found.setdefault(kind, []).append((item, by_subject, who))
    suite = answers.questions[place].suite.name
    return [
        {
            "suite": suite,
            "kind": kind,
            "subjects": {name: counts[kind][name] for name in answers.names},
            "examples": [
                _example(answers, item, by_subject)
                for item, by_subject, who in found[kind]
                if who == max(who for *_, who in found[kind])
            ][:EXAMPLES],
        }
        for kind in sorted(counts, key=lambda kind: -counts[kind].total())
    ]


def _example(
    answers: ScoredAnswers, item: SuiteItem, by_subject: Mapping[int, tuple[Score, Answer]]
) -> FailureExample:
    return {
        "id": item.id,
        "question": item.messages[-1].content,
        "golden": item.answers[0] if item.answers else "",
        "answers": {answers.names[who]: answer.text for who, (_, answer) in by_subject.items()},
    }
