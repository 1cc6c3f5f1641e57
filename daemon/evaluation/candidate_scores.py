"""Scores a candidate and its references on the same items, and tests the differences."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.right_answers import MAIN
from daemon.core.evaluation.suites import ScorerName
from daemon.core.records import JsonObject
from daemon.core.training.evaluations import (
    Evaluations,
    ExactMatches,
    JobLoss,
    RightAnswers,
    SetLoss,
    Summary,
)
from daemon.core.training.judgement import LOSS, LostAnswers, PairedComparison
from daemon.evaluation.paired import Labels, Paired, compare, compare_right
from daemon.evaluation.questions import Question
from daemon.evaluation.scores.score import Score, summarise
from daemon.evaluation.scoring import Interrupted, Scorer, mean_loss
from daemon.evaluation.scoring_session import (
    Exam,
    Examinee,
    ScoreCache,
    ScoringSession,
    SessionResults,
)
from daemon.evaluation.writing import ExpectedWriting

EXACT, WORDS = "exact_match", "token_f1"


@dataclass(frozen=True)
class ModelScores:
    """A model's results with the score of each answer."""

    examinee: Examinee
    results: SessionResults
    scores: Sequence[Score]

    def of_set(self, exam: Exam, name: str) -> list[Score]:
        """Return the scores of one set of questions."""
        pairs = zip(exam.questions, self.scores, strict=True)
        return [score for question, score in pairs if question.set == name]


@dataclass(frozen=True)
class JudgementScores:
    """The scores of the candidate and its references."""

    candidate: ModelScores
    references: Sequence[ModelScores]
    """The first is the starting version."""

    @property
    def all_models(self) -> Sequence[ModelScores]:
        """All of them, the candidate first."""
        return (self.candidate, *self.references)


def examine(
    scorer: Scorer,
    load_adapter: Callable[[Path | None], None],
    exam: Exam,
    examinees: Sequence[Examinee],
    cache: ScoreCache,
    wanted: ExpectedWriting,
    interrupted: Interrupted,
) -> JudgementScores | None:
    """Score every model on the exam, the candidate first; None when interrupted.

    Afterwards the candidate's adapter is loaded.
    """
    marked = []
    for examinee in examinees:
        own_exam = examinee.exam or exam
        results = ScoringSession(scorer, load_adapter, examinee, cache, interrupted).score(own_exam)
        if results is None:
            return None
        pairs = zip(exam.questions, results.answers, strict=True)
        scores = [question.score(answer, wanted) for question, answer in pairs]
        marked.append(ModelScores(examinee, results, scores))
    load_adapter(examinees[0].folder)
    return JudgementScores(marked[0], marked[1:])


def question_sets(exam: Exam) -> list[str]:
    """Return the names of the sets of questions, in order."""
    return list(dict.fromkeys(question.set for question in exam.questions))


def comparisons(
    marks: JudgementScores, exam: Exam, against: Sequence[str]
) -> list[PairedComparison]:
    """Return the paired tests of each set with items, against the references of these names."""
    found = []
    for reference in marks.references:
        name = reference.examinee.name
        if name not in against:
            continue
        for rows, scored in marks.candidate.results.losses.items():
            if scored:
                theirs = reference.results.losses[rows]
                families = exam.families.get(rows)
                test = compare(_per_token(scored), _per_token(theirs), families)
                found.append(_comparison(rows, name, LOSS, test))
        for set_name in question_sets(exam):
            mine, other = (m.of_set(exam, set_name) for m in (marks.candidate, reference))
            metric = metric_of(set_name, exam, [*mine, *other])
            groups = [one.item.group for one in exam.questions if one.set == set_name]
            pairs = [
                (score.metrics[metric], old.metrics[metric], group)
                for score, old, group in zip(mine, other, groups, strict=True)
                if metric in score.metrics
            ]
            if pairs:
                test = compare_scores([pair[:2] for pair in pairs], [group for *_, group in pairs])
                found.append(_comparison(set_name, name, metric, test))
    return found


def lost_answers(marks: JudgementScores, exam: Exam, against: Sequence[str]) -> list[LostAnswers]:
    """Return for each set and reference how many of its answers the candidate no longer gives."""
    found = []
    for reference in marks.references:
        name = reference.examinee.name
        for set_name in question_sets(exam) if name in against else ():
            answered = [
                (question, answer)
                for question, answer, its in zip(
                    exam.questions,
                    marks.candidate.results.answers,
                    reference.results.answers,
                    strict=True,
                )
                if question.set == set_name and question.golden and not _lost_as(question, its)
            ]
            lost = Counter(_lost_as(*pair) for pair in answered)
            found.append(LostAnswers(set_name, name, len(answered), lost["empty"], lost["endless"]))
    return found


def _lost_as(question: Question, answer: Answer) -> Literal["empty", "endless"] | None:
    """Say how an answer is none; one that is cut off and no longer than the golden one may be."""
    if answer.ended:
        return None if answer.text.strip() else "empty"
    cut = answer.tokens >= question.max_tokens
    return "endless" if cut and len(answer.text) > len(question.golden) else None


def metric_of(set_name: str, exam: Exam, scores: Sequence[Score]) -> str:
    """Return the metric by which a set is compared.

    It is the scorer's own; but where whole answers are compared and no model has one right, the
    words shared with the golden answers tell more.
    """
    scorer = next(question.scorer for question in exam.questions if question.set == set_name)
    return metric_for(scorer, scores)


def metric_for(scorer: ScorerName, scores: Sequence[Score]) -> str:
    """Return the metric by which answers of a scorer are compared, as `metric_of` chooses it."""
    return metric_by(scorer, [score.metrics for score in scores])


def metric_by(scorer: ScorerName, scored: Iterable[Mapping[str, float]]) -> str:
    """Return the metric by which answers with these figures are compared."""
    main = MAIN[scorer]
    right = any(metrics.get(main) == 1.0 for metrics in scored)
    return WORDS if main == EXACT and not right else main


def compare_scores(pairs: Sequence[tuple[float, float]], families: Labels | None = None) -> Paired:
    """Test pairs of (new, old) scores of the same items; right or wrong is counted, not ranked."""
    mine, other = [new for new, _ in pairs], [old for _, old in pairs]
    if all(value in (0.0, 1.0) for value in (*mine, *other)):
        right, before = ([value == 1.0 for value in side] for side in (mine, other))
        return compare_right(right, before, families)
    return compare(mine, other, families, higher_is_better=True)


def _comparison(name: str, against: str, metric: str, test: Paired) -> PairedComparison:
    return PairedComparison(name=name, against=against, metric=metric, **asdict(test))


def _per_token(scored: Sequence[tuple[float, int]]) -> list[float]:
    return [total / max(1, count) for total, count in scored]


def summaries(marks: JudgementScores, exam: Exam) -> dict[str, dict[str, Summary]]:
    """Return the summary of each model's answers to each set, by set and model."""
    return {
        name: {one.examinee.name: summarise(one.of_set(exam, name)) for one in marks.all_models}
        for name in question_sets(exam)
    }


def details(marks: JudgementScores, exam: Exam) -> list[JsonObject]:
    """Return each question with its golden answers, and every model's answer with its scores."""
    return [
        {
            "set": question.set,
            "id": question.item.id,
            "job": question.job,
            "difficulty": question.item.difficulty,
            "group": question.item.group,
            "scorer": question.scored_by,
            "prompt": [{"role": t.role, "content": t.content} for t in question.item.messages],
            "tools": list(question.item.tools),
            "golden": list(question.item.answers),
            "answers": {
                one.examinee.name: asdict(one.results.answers[number])
                | {
                    "scores": dict(one.scores[number].metrics),
                    "failures": list(one.scores[number].failures),
                }
                for one in marks.all_models
            },
        }
        for number, question in enumerate(exam.questions)
    ]


def evaluations(marks: JudgementScores, exam: Exam) -> Evaluations:
    """Return losses and scores of every model, for the manifest."""
    before = marks.references[0]
    return Evaluations(
        ExactMatches(
            len(exam.questions), before=_right(before.scores), after=_right(marks.candidate.scores)
        ),
        loss={
            name: SetLoss(
                len(scored),
                before=mean_loss(before.results.losses[name]),
                after=mean_loss(scored),
                models={
                    one.examinee.name: mean_loss(one.results.losses[name])
                    for one in marks.all_models
                },
                jobs=_losses_by_job(marks, name, exam.jobs.get(name, ())),
            )
            for name, scored in marks.candidate.results.losses.items()
        },
        answers=summaries(marks, exam),
        answers_by_job=_answers_by_job(marks, exam),
    )


def _losses_by_job(marks: JudgementScores, name: str, jobs: Sequence[str]) -> dict[str, JobLoss]:
    """Return the mean losses of each job's rows of a set, by job and model."""
    found = {}
    for job in dict.fromkeys(jobs):
        mine = [place for place, owner in enumerate(jobs) if owner == job]
        models = {
            one.examinee.name: mean_loss([one.results.losses[name][place] for place in mine])
            for one in marks.all_models
        }
        found[job] = JobLoss(len(mine), models)
    return found


def _answers_by_job(marks: JudgementScores, exam: Exam) -> dict[str, RightAnswers]:
    """Return how many hold-out questions each job has, and how many each model had right."""
    found = {}
    jobs = [question.job for question in exam.questions]
    for job in dict.fromkeys(job for job in jobs if job is not None):
        mine = [place for place, owner in enumerate(jobs) if owner == job]
        right = {
            one.examinee.name: _right([one.scores[place] for place in mine])
            for one in marks.all_models
        }
        found[job] = RightAnswers(len(mine), right)
    return found


def _right(scores: Sequence[Score]) -> int:
    return sum(score.main == 1.0 for score in scores)
