"""The report of a judgement, as one value for programs and as Markdown for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal, cast

from daemon.core.decisions.promotion import Verdict, counted_items
from daemon.core.evaluation.benchmarks import benchmarks_of
from daemon.core.evaluation.reports import (
    GradedSets,
    GradeFigures,
    JudgementReport,
    PairFigures,
    SetLosses,
)
from daemon.core.evaluation.set_names import EARLIER, OWN, set_title
from daemon.core.records import JsonObject, to_json_value
from daemon.core.training.evaluations import Evaluations, Summary
from daemon.core.training.judgement import PairedComparison
from daemon.evaluation.candidate_scores import JudgementScores, ModelScores, metric_of, summaries
from daemon.evaluation.golden_losses import perplexity
from daemon.evaluation.report_lead import grades_in_words, what_changed
from daemon.evaluation.report_parts import SIDES, changes, rounded
from daemon.evaluation.scores.grade import grade, parts_of
from daemon.evaluation.scores.grade import shown as shown_grade
from daemon.evaluation.scoring import mean_loss
from daemon.evaluation.scoring_session import Exam
from daemon.evaluation.writing import ExpectedWriting
from daemon.reports.rendering import render
from daemon.settings_evaluation import GradeSettings

Report = JudgementReport


def report_of(
    marks: JudgementScores,
    exam: Exam,
    wanted: ExpectedWriting,
    tests: Sequence[PairedComparison],
    verdict: Verdict,
    grading: GradeSettings,
    about: Mapping[str, object],
) -> Report:
    """Return the whole report; `about` describes what was judged."""
    summed = summaries(marks, exam)
    before, graded = marks.references[0], _graded(marks, summed, grading)
    report: JudgementReport = {
        "schema_version": 1,
        "models": [one.examinee.name for one in marks.all_models],
        "verdict": {
            "kind": verdict.kind,
            "promotes": verdict.promotes,
            "reasons": list(verdict.reasons),
        },
        "losses": _losses(marks),
        "answers": {
            name: {
                "metric": _metric(name, exam, marks),
                "models": {model: to_json_value(summary) for model, summary in by_model.items()},
                "style_gain": _style_gain(by_model, marks),
            }
            for name, by_model in summed.items()
        },
        "tests": [cast("PairFigures", asdict(test)) for test in tests],
        "grades": graded["grades"],
        "graded_on": graded["graded_on"],
        "benchmarks": graded["benchmarks"],
        "changed": {
            "to_right": _changed(marks.candidate, before, exam, right=True),
            "to_wrong": _changed(marks.candidate, before, exam, right=False),
        },
        "habits": _habits(wanted),
    }
    return cast("JudgementReport", {"schema_version": 1, **about, **report})


def _graded(
    marks: JudgementScores, summed: Mapping[str, Mapping[str, Summary]], grading: GradeSettings
) -> GradedSets:
    """Return the grades, the sets that they are of, and the right answers to the suites."""
    # Items and habits of suites stay the same; those of hold-outs are others in each run.
    graded = [name for name in summed if name not in (OWN, EARLIER)] or list(summed)
    right = benchmarks_of(Evaluations(answers=summed))
    return {
        "grades": {
            one.examinee.name: _grade([summed[name][one.examinee.name] for name in graded], grading)
            for one in marks.all_models
        },
        "graded_on": graded,
        "benchmarks": None if right is None else right.as_record(),
    }


def _habits(wanted: ExpectedWriting) -> JsonObject:
    return {
        "jobs": {job: to_json_value(one.habit) for job, one in wanted.jobs.items()},
        "suites": {name: to_json_value(one.habit) for name, one in wanted.suites.items()},
    }


def _losses(marks: JudgementScores) -> list[SetLosses]:
    found: list[SetLosses] = []
    for name, scored in marks.candidate.results.losses.items():
        losses = {m.examinee.name: mean_loss(m.results.losses[name]) for m in marks.all_models}
        found.append(
            {
                "set": name,
                "items": len(scored),
                "models": losses,
                "perplexity": {model: perplexity(loss) for model, loss in losses.items()},
            }
        )
    return found


def _metric(name: str, exam: Exam, marks: JudgementScores) -> str:
    scores = [score for one in marks.all_models for score in one.of_set(exam, name)]
    return metric_of(name, exam, scores)


def _style_gain(by_model: Mapping[str, Summary], marks: JudgementScores) -> float | None:
    """Return how much nearer the candidate's style is to the wanted one than the base's."""
    base = next((one for one in marks.references if one.examinee.folder is None), None)
    names = (marks.candidate.examinee.name, base.examinee.name) if base is not None else ()
    found = [by_model[name].metrics.get("style") for name in names]
    mine, other = found if len(found) == 2 else (None, None)
    return None if mine is None or other is None else mine.mean - other.mean


def _grade(summed: Sequence[Summary], grading: GradeSettings) -> GradeFigures | None:
    found = grade(parts_of(summed), grading)
    return None if found is None else found.as_record()


def _changed(
    candidate: ModelScores, before: ModelScores, exam: Exam, *, right: bool
) -> list[JsonObject]:
    """Return the questions that the candidate alone, or the reference alone, has right."""
    found: list[JsonObject] = []
    triples = zip(exam.questions, candidate.scores, before.scores, strict=True)
    for number, (question, mine, other) in enumerate(triples):
        if mine.main is None or other.main is None:
            continue
        if (mine.main == 1.0) == right and (other.main == 1.0) == (not right):
            found.append(
                {
                    "set": question.set,
                    "id": question.item.id,
                    "question": question.text,
                    "golden": question.golden,
                    "before": before.results.answers[number].text,
                    "after": candidate.results.answers[number].text,
                }
            )
    return found


def markdown(report: Report) -> str:
    """Return a report as Markdown; questions and answers are shown verbatim, as code."""
    return render("judgement.md", **shown(report), sides=SIDES)


def shown(report: Report) -> JsonObject:
    """Return what the templates of a judgement show."""
    right, scores = report.get("benchmarks"), figures(report)
    main = {MAIN_LOSS, GRADE, *(_words(one["metric"]) for one in report["answers"].values())}
    return {
        "report": report,
        "scores": scores,
        "main_scores": [row for row in scores if row[2] in main],
        "tests": tests_of(report),
        "test_names": TEST_NAMES,
        "changes": changes(report["changed"]),
        "forgotten": forgotten_of(report),
        "changed": what_changed(report),
        "figures": [
            *([] if right is None else [right["sentence"]]),
            *grades_in_words(report),
        ],
        "forgotten_names": FORGOTTEN_NAMES,
        "ways_on": report.get("ways_on"),
        "set_title": set_title,
    }


SUMMED: tuple[Literal["formatting", "calibration_error", "characters"], ...] = (
    "formatting",
    "calibration_error",
    "characters",
)
MAIN_LOSS, GRADE = "loss, nats per token", "grade"
FORGOTTEN_NAMES = ("file", "best version", "rows", "rise", "tolerated", "gained", "p (worse)")
TEST_NAMES = ("set", "metric", "against", "items", "change", "p (better)", "p (worse)")


def figures(report: Report) -> list[tuple[str, ...]]:
    """Return the rows of the table of scores: set, items, figure, then one cell a model."""
    models = report["models"]
    rows: list[tuple[str, ...]] = []
    for one in (found for found in report["losses"] if found["items"]):
        losses = (MAIN_LOSS, one["models"]), ("perplexity", one["perplexity"])
        for figure, by in losses:
            shown = [rounded(by[model]) for model in models]
            rows.append((set_title(one["set"]), str(one["items"]), figure, *shown))
    for of_set, answered in report["answers"].items():
        name, summed = set_title(of_set), answered["models"]
        items = str(summed[models[0]]["items"])
        for metric in summed[models[0]]["metrics"]:
            means = [summed[model]["metrics"].get(metric) for model in models]
            shown = [rounded(mean["mean"] if mean else None) for mean in means]
            rows.append((name, items, _words(metric), *shown))
        for figure in SUMMED:
            shown = [rounded(summed[model][figure]) for model in models]
            if any(shown):
                rows.append((name, items, _words(figure), *shown))
    rows.append(("all", "", GRADE, *(_grade_cell(report["grades"][model]) for model in models)))
    return rows


def forgotten_of(report: Report) -> list[tuple[str, ...]]:
    """Return the rows of the table of forgetting; losses in nats per token."""
    return [
        (
            set_title(one["name"]),
            one["against"],
            counted_items(one["items"], one.get("families")),
            f"{one['rise']:+.4f}",
            f"{one['tolerated']:.4f}",
            rounded(one["gained"]),
            f"{one['p_worse']:.2g}",
        )
        for one in report.get("forgetting", ())
    ]


def tests_of(report: Report) -> list[tuple[str, ...]]:
    """Return the rows of the table of tests."""
    return [
        (
            set_title(test["name"]),
            _words(test["metric"]),
            test["against"],
            counted_items(test["items"], test.get("families")),
            f"{test['mean_change']:+.4f}",
            f"{test['p_better']:.2g}",
            f"{test['p_worse']:.2g}",
        )
        for test in report["tests"]
    ]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _grade_cell(found: GradeFigures | None) -> str:
    return "" if found is None else shown_grade(found)
