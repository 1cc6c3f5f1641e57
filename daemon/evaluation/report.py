"""The report of a judgement, as one value for programs and as Markdown for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal, cast

from daemon.core.decisions.promotion import Verdict, counted_items
from daemon.core.evaluation.reports import GradeFigures, JudgementReport, PairFigures, SetLosses
from daemon.core.records import JsonObject, to_json_value
from daemon.core.training.evaluations import Summary
from daemon.core.training.judgement import PairedComparison
from daemon.evaluation.candidate_scores import JudgementScores, ModelScores, metric_of, summaries
from daemon.evaluation.golden_losses import perplexity
from daemon.evaluation.report_parts import SIDES, changes, rounded
from daemon.evaluation.scores.grade import grade, parts_of
from daemon.evaluation.scores.grade import shown as shown_grade
from daemon.evaluation.scores.score import ExpectedStyle
from daemon.evaluation.scores.style import closer
from daemon.evaluation.scoring import mean_loss
from daemon.evaluation.scoring_session import Exam
from daemon.reports.rendering import render
from daemon.settings_evaluation import GradeSettings

Report = JudgementReport


def report_of(
    marks: JudgementScores,
    exam: Exam,
    wanted: ExpectedStyle,
    tests: Sequence[PairedComparison],
    verdict: Verdict,
    grading: GradeSettings,
    about: Mapping[str, object],
) -> Report:
    """Return the whole report; `about` describes what was judged."""
    summed = summaries(marks, exam, wanted)
    before = marks.references[0]
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
                "style_gain": _style_gain(marks, exam, wanted, name),
            }
            for name, by_model in summed.items()
        },
        "tests": [cast("PairFigures", asdict(test)) for test in tests],
        "grades": {
            one.examinee.name: _grade([by[one.examinee.name] for by in summed.values()], grading)
            for one in marks.all_models
        },
        "changed": {
            "to_right": _changed(marks.candidate, before, exam, right=True),
            "to_wrong": _changed(marks.candidate, before, exam, right=False),
        },
        "habit": to_json_value(wanted.habit),
    }
    return cast("JudgementReport", {"schema_version": 1, **about, **report})


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


def _style_gain(
    marks: JudgementScores, exam: Exam, wanted: ExpectedStyle, name: str
) -> float | None:
    """Return how much nearer the candidate's style is to the training answers than the base's."""
    base = next((one for one in marks.references if one.examinee.folder is None), None)
    if wanted.style is None or base is None:
        return None
    mine, other = (
        [score.answer for score in one.of_set(exam, name)] for one in (marks.candidate, base)
    )
    return closer(wanted.style, mine, other)


def _grade(summed: Sequence[Summary], grading: GradeSettings) -> GradeFigures | None:
    found = grade(parts_of(summed), grading)
    return None if found is None else cast("GradeFigures", asdict(found))


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
    return {
        "report": report,
        "scores": figures(report),
        "tests": tests_of(report),
        "test_names": TEST_NAMES,
        "changes": changes(report["changed"]),
        "forgotten": forgotten_of(report),
        "forgotten_names": FORGOTTEN_NAMES,
    }


SUMMED: tuple[Literal["formatting", "calibration_error", "characters"], ...] = (
    "formatting",
    "calibration_error",
    "characters",
)
FORGOTTEN_NAMES = ("file", "best version", "rows", "rise", "tolerated", "gained", "p worse")
TEST_NAMES = ("set", "metric", "against", "items", "change", "p better", "p worse")


def figures(report: Report) -> list[tuple[str, ...]]:
    """Return the rows of the table of scores: set, items, figure, then one cell a model."""
    models = report["models"]
    rows: list[tuple[str, ...]] = []
    for one in (found for found in report["losses"] if found["items"]):
        losses = ("loss, nats a token", one["models"]), ("perplexity", one["perplexity"])
        for figure, by in losses:
            shown = [rounded(by[model]) for model in models]
            rows.append((one["set"], str(one["items"]), figure, *shown))
    for name, answered in report["answers"].items():
        summed = answered["models"]
        items = str(summed[models[0]]["items"])
        for metric in summed[models[0]]["metrics"]:
            means = [summed[model]["metrics"].get(metric) for model in models]
            shown = [rounded(mean["mean"] if mean else None) for mean in means]
            rows.append((name, items, metric.replace("_", " "), *shown))
        for figure in SUMMED:
            shown = [rounded(summed[model][figure]) for model in models]
            if any(shown):
                rows.append((name, items, figure.replace("_", " "), *shown))
    rows.append(("all", "", "grade", *(_grade_cell(report["grades"][model]) for model in models)))
    return rows


def forgotten_of(report: Report) -> list[tuple[str, ...]]:
    """Return the rows of the table of forgetting; losses in nats a token."""
    return [
        (
            one["name"],
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
            test["name"],
            test["metric"].replace("_", " "),
            test["against"],
            counted_items(test["items"], test.get("families")),
            f"{test['mean_change']:+.4f}",
            f"{test['p_better']:.2g}",
            f"{test['p_worse']:.2g}",
        )
        for test in report["tests"]
    ]


def _grade_cell(found: GradeFigures | None) -> str:
    return "" if found is None else shown_grade(found)
