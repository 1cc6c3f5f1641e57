"""Sums up in sentences what a judged candidate changed, for the beginning of its report."""

from collections.abc import Iterator

from daemon.core.evaluation.reports import JudgementReport
from daemon.core.evaluation.set_names import set_title
from daemon.evaluation.report_parts import CHANGES, rounded
from daemon.evaluation.scores.grade import parts_shown
from daemon.evaluation.scores.grade import shown as shown_grade

GRADE_MEANING = (
    "A grade measures answers against the golden ones on a fixed scale, from A at 90 of 100 to F "
    "below 60; the verdict compares with the version before. So a promoted version may have an F: "
    "better than before, and still far from the data."
)


def what_changed(report: JudgementReport) -> list[str]:
    """Return how right answers and losses moved from the starting version to the candidate."""
    if len(report["models"]) < 2:
        return []
    return [*_right_answers(report), *_losses(report)]


def _right_answers(report: JudgementReport) -> Iterator[str]:
    after, before, *_ = report["models"]
    (was, of), (now, now_of) = _counted(report, before), _counted(report, after)
    if not of or of != now_of:
        return
    gained, lost = (len(report["changed"][kind]) for kind in CHANGES)
    moved = f"; {gained} from wrong to right and {lost} from right to wrong"
    yield (
        f"Right answers: {was} of {of} with {before}, {now} of {of} with this version"
        f"{moved if gained or lost else ''}."
    )


def _counted(report: JudgementReport, model: str) -> tuple[int, int]:
    """Return how many of a model's answers were right, of how many."""
    counts = [
        pair
        for answered in report["answers"].values()
        for pair in answered["models"][model].get("right", {}).values()
    ]
    return sum(right for right, _ in counts), sum(of for _, of in counts)


def _losses(report: JudgementReport) -> Iterator[str]:
    after, before, *_ = report["models"]
    for one in report["losses"]:
        was, now = one["models"][before], one["models"][after]
        if one["items"] and was is not None and now is not None:
            yield (
                f"Loss on {set_title(one['set'])} ({one['items']} rows): {rounded(was)} with "
                f"{before}, {rounded(now)} with this version, in nats per token."
            )


def grades_in_words(report: JudgementReport) -> list[str]:
    """Return each model's grade with its parts, and what a grade means beside a verdict."""
    # Reports of an earlier release do not say what was graded.
    on = " and ".join(map(set_title, report.get("graded_on", ())))
    graded = f" on {on}" if on else ""
    grades = [
        f"Grade of {model}{graded}: {shown_grade(found)}, from {parts_shown(found)}."
        for model, found in report["grades"].items()
        if found is not None
    ]
    return [*grades, GRADE_MEANING] if grades else []
