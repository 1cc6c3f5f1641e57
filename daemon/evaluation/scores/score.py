"""Scores one answer by the scorer of its suite, and summarises many scores."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from daemon.core.evaluation.right_answers import EXACT, MAIN, right_by
from daemon.core.evaluation.suites import DIFFICULTIES, Difficulty, ScorerName, SuiteItem
from daemon.core.training.evaluations import Mean, Summary
from daemon.evaluation.scores.calibration import expected_calibration_error
from daemon.evaluation.scores.call_forms import read_calls
from daemon.evaluation.scores.calls import Calls, compare_calls
from daemon.evaluation.scores.fields import FieldScore, compare_fields
from daemon.evaluation.scores.formatting import (
    Habit,
    compliance,
    length_fit,
    shares_of,
    traits_of,
)
from daemon.evaluation.scores.overlap import bleu, chrf, exact_match, rouge_l, token_f1
from daemon.evaluation.scores.repetition import distinct, repetition
from daemon.evaluation.scores.style import Style
from daemon.evaluation.scores.thoughts import without_thought


@dataclass(frozen=True, slots=True)
class ExpectedStyle:
    """How answers should be written: as those of the file, or of the suite, are."""

    habit: Habit | None = None
    style: Style | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The metrics of one answer."""

    id: str
    difficulty: Difficulty
    answer: str
    main: float | None
    """The scorer's main metric, in [0, 1]; None without a golden answer."""
    metrics: Mapping[str, float]
    """Every metric by name, in [0, 1]; higher is better except for `repetition`."""
    failures: tuple[str, ...] = ()
    """What is wrong with a call or record, each kind as often as it occurred."""
    traits: frozenset[str] = frozenset()
    """Bold, lists and so on."""
    confidence: float | None = None
    """The model's confidence, in [0, 1], where measured."""
    habit: Habit | None = None
    """What length and formatting are held against, where there is one."""
    characters: int = 0
    """Length of the answer proper, without a thought before it."""


def score_answer(
    scorer: ScorerName,
    item: SuiteItem,
    answer: str,
    wanted: ExpectedStyle | None = None,
    confidence: float | None = None,
) -> Score:
    """Score an answer; with several golden answers, by the one it matches best.

    An item with a scorer of its own is scored by that one.
    """
    shown = without_thought(answer, item.answers)
    if (item.scorer or scorer) == "calls":
        shown = read_calls(shown, after_text=True).plain
    metrics, failures = _against(scorer, item, answer, shown) if item.answers else ({}, ())
    main = metrics.get(MAIN[item.scorer or scorer])
    metrics["repetition"] = repetition(answer)
    habit = None if wanted is None else wanted.habit
    if habit is not None:
        metrics["length"] = length_fit(habit, shown)
    if wanted is not None and wanted.style is not None:
        metrics["style"] = wanted.style.likeness(shown)
    return Score(
        item.id,
        item.difficulty,
        answer,
        main,
        metrics,
        failures,
        traits_of(shown),
        confidence,
        habit,
        len(shown.strip()),
    )


def is_right(scorer: ScorerName, item: SuiteItem, answer: str) -> bool | None:
    """Return whether an answer is entirely right; None without a golden answer."""
    return right_by(item.scorer or scorer, score_answer(scorer, item, answer).metrics)


def _against(
    scorer: ScorerName, item: SuiteItem, answer: str, shown: str
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the metrics against the golden answers, and the failures."""
    match item.scorer or scorer:
        case "exact" | "overlap":
            return _words(item.answers, shown), ()
        case "fields":
            return _best(_fields(compare_fields(golden, shown)) for golden in item.answers)
        case "calls":
            metrics, failures = _best(_call(golden, answer, item) for golden in item.answers)
            if scorer in ("exact", "overlap"):
                # The rest of its set is compared by words: a call needs these metrics too.
                texts = [read_calls(text, after_text=True) for text in (*item.answers, answer)]
                *goldens, mine = (reading.words for reading in texts)
                metrics |= _words(goldens, mine) | {EXACT: metrics["correct_call"]}
            return metrics, failures
        case other:
            assert_never(other)


def _words(goldens: Sequence[str], answer: str) -> dict[str, float]:
    def best(measure: Callable[[str, str], float]) -> float:
        return max(float(measure(golden, answer)) for golden in goldens)

    return {
        "exact_match": best(exact_match),
        "token_f1": best(token_f1),
        "rouge_l": best(rouge_l),
        "bleu": bleu(goldens, answer),
        "chrf": chrf(goldens, answer),
    }


Compared = tuple[dict[str, float], tuple[str, ...]]


def _best(found: Iterable[Compared]) -> Compared:
    """Return the comparison whose first metrics are highest."""
    return max(found, key=lambda each: tuple(each[0].values()))


def _fields(found: FieldScore) -> Compared:
    failures = ["markdown_fence"] if found.fenced else []
    if not found.valid and not found.fenced:
        failures.append("not_json")
    return {
        "extraction": found.f1 if found.valid else 0.0,
        "field_f1": found.f1,
        "field_precision": found.precision,
        "field_recall": found.recall,
        "valid_json": float(found.valid),
    }, tuple(failures)


def _call(golden: str, answer: str, item: SuiteItem) -> Compared:
    if read_calls(golden, after_text=True).calls is None:
        # An unknown format: right is an exact match.
        same = exact_match(golden, answer)
        return _calls(Calls(same, same, float(same), same, () if same else ("not_parsable",)))
    return _calls(compare_calls(golden, answer, item.tools))


def _calls(found: Calls) -> Compared:
    return {
        "correct_call": float(found.correct),
        "argument_f1": found.argument_f1,
        "right_function": float(found.right_functions),
        "parsable_call": float(found.parsable),
    }, found.failures


def summarise(scores: Sequence[Score]) -> Summary:
    """Aggregate scores of one scorer."""
    names = dict.fromkeys(name for score in scores for name in score.metrics)
    means = {
        name: _mean([score.metrics[name] for score in scores if name in score.metrics])
        for name in names
    }
    by_difficulty = {
        difficulty: _mean([s.main for s in scores if s.difficulty == difficulty])
        for difficulty in DIFFICULTIES
    }
    answers = [score.answer for score in scores]
    variety = {f"distinct_{size}": distinct(answers, size) for size in (1, 2)}
    length = _mean([float(score.characters) for score in scores])
    return Summary(
        items=len(scores),
        main=_mean([score.main for score in scores]),
        metrics={name: mean for name, mean in means.items() if mean is not None},
        by_difficulty={name: mean for name, mean in by_difficulty.items() if mean is not None},
        failures=dict(sorted(Counter(kind for s in scores for kind in s.failures).items())),
        characters=0.0 if length is None else length.mean,
        formatting=_formatting(scores),
        calibration_error=_calibration(scores),
        distinct={name: value for name, value in variety.items() if value is not None},
        right=_right(scores),
        traits=shares_of([score.traits for score in scores]),
        formatted=sum(score.habit is not None for score in scores),
        judged_confidences=len(_confidences(scores)),
    )


def _formatting(scores: Sequence[Score]) -> float | None:
    """Return the compliance with the habits, each file's answers held against its own."""
    by_file: dict[str, list[Score]] = {}
    for score in scores:
        if score.habit is not None:
            by_file.setdefault(score.habit.name, []).append(score)
    found = [
        (compliance(habit, [score.traits for score in mine]), len(mine))
        for mine in by_file.values()
        if (habit := mine[0].habit) is not None
    ]
    counted = [(value, count) for value, count in found if value is not None]
    total = sum(count for _, count in counted)
    return sum(value * count for value, count in counted) / total if total else None


def _right(scores: Sequence[Score]) -> dict[str, tuple[int, int]]:
    counts: dict[str, tuple[int, int]] = {}
    for score in scores:
        if score.main is not None:
            right, items = counts.get(score.difficulty, (0, 0))
            counts[score.difficulty] = right + (score.main == 1.0), items + 1
    return {name: counts[name] for name in DIFFICULTIES if name in counts}


def _mean(values: Sequence[float | None]) -> Mean | None:
    known = [value for value in values if value is not None]
    return Mean(sum(known) / len(known), len(known)) if known else None


def _calibration(scores: Sequence[Score]) -> float | None:
    """Return the calibration error over the answers that have both a confidence and a golden."""
    pairs = _confidences(scores)
    return expected_calibration_error([sure for sure, _ in pairs], [right for _, right in pairs])


def _confidences(scores: Sequence[Score]) -> list[tuple[float, bool]]:
    return [
        (score.confidence, score.main == 1.0)
        for score in scores
        if score.confidence is not None and score.main is not None
    ]
