"""Compares subjects that answered the same questions: scores, tests, winners, changed answers.

The result is one value, the report for programs, from which the pages for people are rendered.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from daemon.core.evaluation.evaluations import EvaluationRequest, Questions
from daemon.core.evaluation.next_actions import next_actions
from daemon.core.evaluation.reports import (
    ComparisonReport,
    OverallFigures,
    RightCounts,
    SubjectFigures,
    SubjectLoss,
    SuiteFigures,
    TargetFigures,
    TestedPair,
)
from daemon.core.evaluation.targets import GRADE, check, outcome_of
from daemon.core.records import JsonObject, to_json_value
from daemon.core.training.evaluations import Summary
from daemon.core.training.plan import mix
from daemon.evaluation.candidate_scores import compare_scores, metric_for
from daemon.evaluation.failure_kinds import failures_of
from daemon.evaluation.golden_losses import OVERALL, table_of
from daemon.evaluation.pair_tests import Pairs, decided
from daemon.evaluation.scored_answers import SubjectResults, present, scored_answers
from daemon.evaluation.scores.grade import grade, parts_of
from daemon.evaluation.scores.score import Score, summarise
from daemon.evaluation.tracks import figures_of, tracks_of
from daemon.evaluation.writing import ExpectedWriting
from daemon.evaluation.writing_report import writing_of, writing_of_answer
from daemon.settings_records import read_saved

Scored = tuple[float, float, str | None]
"""Two subjects' scores of one item, and its family."""


class SubjectComparison:
    """The scores of all subjects."""

    def __init__(
        self,
        request: EvaluationRequest,
        questions: Sequence[Questions],
        results: SubjectResults,
        writing: ExpectedWriting,
    ) -> None:
        self._request = request
        self._questions = questions
        self._results = results
        self._settings = read_saved(request.settings).settings
        self._names = [subject.name for subject in request.subjects]
        self._answers = scored_answers(self._names, questions, results, writing)
        self._scores = self._answers.scores
        self._metrics = [
            metric_for(one.suite.scorer, [s for s in self._all_of(place) if s is not None])
            for place, one in enumerate(questions)
        ]

    def _all_of(self, suite: int) -> Iterator[Score | None]:
        for _, scores in self._answers.of_suite(suite):
            yield from scores

    def report(self, outcome: str, message: str) -> ComparisonReport:
        """Return the whole report."""
        summaries = {at: summarise(present(scores)) for at, scores in self._scores.items()}
        by_suite, overall = self._tests()
        return {
            "schema_version": 1,
            "evaluation": self._request.evaluation,
            "created_at": self._request.created_at,
            "title": self._request.title,
            "outcome": outcome,
            "message": message,
            "level": self._settings.gate.level,
            "subjects": [self._subject(place) for place in range(len(self._names))],
            "suites": [self._suite(place, summaries) for place in range(len(self._questions))],
            "overall": {
                name: self._overall(place, summaries) for place, name in enumerate(self._names)
            },
            "tests": [*by_suite, *overall],
            "losses": self._losses(),
            "tracks": tracks_of(self._request.subjects, self._questions, summaries),
            "writing": writing_of(self._answers),
            "failures": failures_of(self._answers),
            "winner": _winner(self._names, overall),
            "findings": [_finding(test) for test in overall],
            "changed": {
                name: {
                    "to_right": self._changed(place, right=True),
                    "to_wrong": self._changed(place, right=False),
                }
                for place, name in enumerate(self._names)
                if place
            },
            "targets": self._targets(summaries),
            "notes": list(self._request.notes),
        }

    # --- figures ------------------------------------------------------------------------------

    def _subject(self, place: int) -> SubjectFigures:
        subject = self._request.subjects[place]
        results = [result for (_, who), result in self._results.items() if who == place]
        measured = [result.measured for result in results if result.measured is not None]
        tokens, seconds = sum(m.tokens for m in measured), sum(m.seconds for m in measured)
        peaks = [m.peak_bytes for m in measured if m.answers]
        return {
            "name": subject.name,
            "kind": subject.kind,
            "path": subject.path,
            "sha256": subject.sha256,
            "prefix": subject.prefix.name if subject.prefix is not None else None,
            "missing": sum(answer is None for result in results for answer in result.answers),
            "unknown": subject.unknown,
            "unscored": self._unscored(place),
            "failed": [result.failed for result in results if result.failed is not None],
            "generated": sum(m.answers for m in measured),
            "remembered": sum(m.remembered for m in measured),
            "tokens": tokens,
            "seconds": seconds,
            "tokens_per_s": tokens / seconds if tokens and seconds else None,
            "peak_bytes": max(peaks, default=None),
        }

    def _unscored(self, who: int) -> int:
        """Return how many golden answers have no loss, though a model was to score them."""
        return sum(
            loss is None and bool(item.answers)
            for (place, subject), result in self._results.items()
            if subject == who and result.losses is not None
            for item, loss in zip(self._questions[place].suite.items, result.losses, strict=True)
        )

    def _suite(self, place: int, summaries: Mapping[tuple[int, int], Summary]) -> SuiteFigures:
        one = self._questions[place]
        return {
            "name": one.suite.name,
            "title": one.suite.title,
            "sha256": one.suite.sha256,
            "scorer": one.suite.scorer,
            "items": len(one.suite.items),
            "of": one.of,
            "metric": self._metrics[place],
            "models": {
                name: to_json_value(summaries[place, who]) | _counts(summaries[place, who])
                for who, name in enumerate(self._names)
                if (place, who) in summaries
            },
        }

    def _overall(
        self, who: int, summaries: Mapping[tuple[int, int], Summary]
    ) -> OverallFigures | None:
        mine = [summary for (_, subject), summary in summaries.items() if subject == who]
        values = [
            score.metrics[self._metrics[suite]]
            for (suite, subject), scores in self._scores.items()
            if subject == who
            for score in present(scores)
            if self._metrics[suite] in score.metrics
        ]
        if not mine:
            return None
        found = grade(parts_of(mine), self._settings.grade)
        counts = [_counts(summary)["right"] for summary in mine]
        return {
            "items": len(values),
            "mean": sum(values) / len(values) if values else None,
            "right": [sum(column) for column in zip(*counts, strict=True)],
            "grade": None if found is None else found.as_record(),
        }

    # --- tests --------------------------------------------------------------------------------

    def _tests(self) -> tuple[list[TestedPair], list[TestedPair]]:
        """Return the tests of each suite and those over all items; each group has its level."""
        metrics = sorted(set(self._metrics))
        metric = metrics[0] if len(metrics) == 1 else "each suite's own"
        suites, together = [], []
        # All pairs are tested: a winner has to beat each of the others.
        for other, who in combinations(range(len(self._names)), 2):
            pooled: list[Scored] = []
            for place, one in enumerate(self._questions):
                pairs = self._pairs(place, who, other)
                pooled += pairs
                if pairs:
                    name, its = one.suite.name, self._metrics[place]
                    suites.append(self._tested(name, its, (who, other), pairs))
            if pooled:
                together.append(self._tested(OVERALL, metric, (who, other), pooled))
        level, seed = self._settings.gate.level, self._seed
        return decided(suites, level, seed), decided(together, level, seed)

    @property
    def _seed(self) -> int:
        return mix(self._settings.training.seed, "bootstrap")

    def _tested(
        self, suite: str, metric: str, who: tuple[int, int], pairs: Sequence[Scored]
    ) -> Pairs:
        mine, others = [(new, 1) for new, _, _ in pairs], [(old, 1) for _, old, _ in pairs]
        families = [family for _, _, family in pairs]
        test = compare_scores([(new, old) for new, old, _ in pairs], families)
        subject, against = (self._names[one] for one in who)
        return Pairs(suite, metric, subject, against, mine, others, test, families)

    def _families(self, suite: int) -> list[str | None]:
        """Return the families of a suite's items; no family spans two suites."""
        groups = (item.group for item in self._questions[suite].suite.items)
        return [None if group is None else f"{suite}:{group}" for group in groups]

    def _pairs(self, suite: int, who: int, other: int) -> list[Scored]:
        """Return the scores of two subjects with the family of each item, where both have one."""
        metric = self._metrics[suite]
        mine, others = (self._scores.get((suite, place), []) for place in (who, other))
        if not mine or not others:
            return []
        return [
            (new.metrics[metric], old.metrics[metric], family)
            for new, old, family in zip(mine, others, self._families(suite), strict=True)
            if new is not None and old is not None
            if metric in new.metrics and metric in old.metrics
        ]

    def _losses(self) -> list[SubjectLoss]:
        """Return each model's losses on the golden answers."""
        found = {
            at: result.losses for at, result in self._results.items() if result.losses is not None
        }
        suites = [one.suite.name for one in self._questions]
        families = [self._families(place) for place in range(len(suites))]
        level, seed = self._settings.gate.level, self._seed
        bases = [one.base_folder for one in self._request.subjects]
        return table_of(suites, self._names, found, families, level, seed, bases)

    # --- changes and targets ------------------------------------------------------------------

    def _changed(self, who: int, *, right: bool) -> list[JsonObject]:
        """Return the questions that a subject alone, or the first alone, has right."""
        found: list[JsonObject] = []
        for place, one in enumerate(self._questions):
            if (place, who) not in self._scores or (place, 0) not in self._scores:
                continue
            rows = zip(
                one.suite.items,
                self._scores[place, who],
                self._scores[place, 0],
                self._results[place, who].answers,
                self._results[place, 0].answers,
                strict=True,
            )
            for item, mine, first, after, before in rows:
                if mine is None or first is None or mine.main is None or first.main is None:
                    continue
                assert before is not None and after is not None, "it has a score"
                if (mine.main == 1.0) == right and (first.main == 1.0) == (not right):
                    found.append(
                        {
                            "suite": one.suite.name,
                            "id": item.id,
                            "difficulty": item.difficulty,
                            "question": item.messages[-1].content,
                            "golden": item.answers[0] if item.answers else "",
                            "before": before.text,
                            "after": after.text,
                        }
                    )
        return found

    def _targets(
        self, summaries: Mapping[tuple[int, int], Summary]
    ) -> dict[str, TargetFigures] | None:
        wanted = self._request.targets
        if not wanted:
            return None
        found: dict[str, TargetFigures] = {}
        for who, subject in enumerate(self._request.subjects):
            checked = check(wanted, self._figures(who, summaries))
            version = subject.path if subject.kind == "version" else None
            found[subject.name] = {
                "outcome": outcome_of(checked),
                "checked": [
                    {
                        "target": str(one.target),
                        "suite": one.suite,
                        "metric": one.target.metric,
                        "value": one.value,
                        "reached": one.reached,
                        "gap": one.gap,
                    }
                    for one in checked
                ],
                "actions": list(next_actions(version, checked)),
            }
        return found

    def _figures(
        self, who: int, summaries: Mapping[tuple[int, int], Summary]
    ) -> dict[str, dict[str, float]]:
        """Return the figures of a subject on each suite, and its grade over all of them."""
        found = {
            one.suite.name: figures_of(one.suite.scorer, summaries[place, who])
            for place, one in enumerate(self._questions)
            if (place, who) in summaries
        }
        overall = self._overall(who, summaries)
        graded = None if overall is None else overall["grade"]
        return found if graded is None else found | {OVERALL: {GRADE: graded["overall"]}}

    def details(self) -> Iterator[JsonObject]:
        """Yield each question with its golden answers, every subject's answer and its scores."""
        for place, one in enumerate(self._questions):
            for number, item in enumerate(one.suite.items):
                yield {
                    "suite": one.suite.name,
                    "id": item.id,
                    "difficulty": item.difficulty,
                    "group": item.group,
                    "scorer": item.scorer or one.suite.scorer,
                    "prompt": [{"role": t.role, "content": t.content} for t in item.messages],
                    "tools": list(item.tools),
                    "golden": list(item.answers),
                    "answers": {
                        name: self._answer(place, who, number)
                        for who, name in enumerate(self._names)
                        if (place, who) in self._scores
                    },
                }

    def _answer(self, suite: int, who: int, number: int) -> JsonObject | None:
        score = self._scores[suite, who][number]
        if score is None:
            return None
        result = self._results[suite, who]
        answer, losses = result.answers[number], result.losses
        assert answer is not None, "it has a score"
        loss = None if losses is None else losses[number]
        return {
            **to_json_value(answer),
            "loss": loss,
            "scores": dict(score.metrics),
            "failures": list(score.failures),
            "writing": writing_of_answer(score, answer),
        }


def _counts(summary: Summary) -> RightCounts:
    """Return how many were right, by difficulty and together."""
    columns = list(zip(*summary.right.values(), strict=True)) or [(0,), (0,)]
    by_difficulty = {name: list(counts) for name, counts in summary.right.items()}
    return {"right": [sum(column) for column in columns], "right_by_difficulty": by_difficulty}


def _winner(names: Sequence[str], overall: Sequence[TestedPair]) -> str | None:
    """Return the subject proven better than each other one over all items; None without one."""
    won = [test["winner"] for test in overall]
    others = len(names) - 1
    return next((name for name in names if others and won.count(name) == others), None)


def _finding(test: Mapping[str, object]) -> str:
    subject, first = test["subject"], test["against"]
    families = "" if test["families"] is None else f" in {test['families']} families"
    why_not = "" if test["why_not"] is None else f"; {test['why_not']}"
    figures = (
        f"{test['change']:+.3f} ({test['low']:+.3f} to {test['high']:+.3f}) on {test['items']} "
        f"items{families}, p = {test['p']:.2g}{why_not}"
    )
    if test["winner"] is None:
        return f"no significant difference between {subject} and {first}: {figures}"
    loser = first if test["winner"] == subject else subject
    return f"{test['winner']} is better than {loser}: {subject} {figures}"
