"""Renders a comparison as Markdown and as a self-contained HTML page."""

from collections.abc import Sequence

from daemon.core.decisions.promotion import counted_items
from daemon.core.evaluation.reports import (
    ComparisonReport,
    FailureExample,
    SubjectFigures,
    TargetFigures,
    TestedPair,
)
from daemon.core.evaluation.suites import DIFFICULTIES
from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import escape, one_line
from daemon.evaluation.report_parts import SIDES, changes, rounded
from daemon.evaluation.scores.grade import parts_shown
from daemon.evaluation.scores.grade import shown as shown_grade
from daemon.evaluation.tracks import track_table
from daemon.evaluation.writing_report import (
    WRITING,
    shown_questions,
    writing_rows,
    writing_sentences,
)
from daemon.reports.rendering import render

Report = ComparisonReport
Rows = list[tuple[str, ...]]

SCORES = ("suite", "subject", "items", "metric", "mean", "right", *DIFFICULTIES)
TESTS = ("suite", "metric", "subject", "against", "items", "delta", "interval", "p", "winner")
LOSSES = ("suite", "subject", "items", "loss", "perplexity", "delta", "interval", "p", "winner")
SUBJECTS = ("subject", "prefix", "answers generated", "tokens/s", "peak memory", "remarks")
TARGETS = ("subject", "target", "suite", "measured", "reached", "gap")
FAILURES = ("suite", "failure")
FIGURES = {
    "items",
    "mean",
    "right",
    *DIFFICULTIES,
    "delta",
    "interval",
    "p",
    "answers generated",
    "tokens/s",
    "peak memory",
    "measured",
    "gap",
    "loss",
    "perplexity",
    *WRITING[2:],
}
NO_WINNER = "no significant difference"
LONGEST = 1000
"""Characters shown of a question or an answer."""
MIB = 2**20


def score_rows(report: Report) -> Rows:
    """Return the table of scores: each suite, then all of them together."""
    rows: Rows = []
    for suite in report["suites"]:
        items = f"{suite['items']} of {suite['of']}"
        for name, found in suite["models"].items():
            mean = found["metrics"].get(suite["metric"])
            by = found["right_by_difficulty"]
            rows.append(
                (
                    suite["name"],
                    name,
                    items,
                    _words(suite["metric"]),
                    rounded(mean["mean"] if mean else None),
                    _share(found["right"]),
                    *(_share(by[level]) if level in by else "" for level in DIFFICULTIES),
                )
            )
    for name, overall in report["overall"].items():
        if overall is not None:
            graded = overall["grade"]
            mark = "" if graded is None else f"grade {shown_grade(graded)}"
            rows.append(
                (
                    "all",
                    name,
                    str(overall["items"]),
                    mark,
                    rounded(overall["mean"]),
                    _share(overall["right"]),
                    *("" for _ in DIFFICULTIES),
                )
            )
    return rows


def test_rows(report: Report) -> Rows:
    """Return the table of tests: suites against the first subject, and all pairs over all items."""
    return [
        (
            test["suite"],
            _words(test["metric"]),
            test["subject"],
            test["against"],
            counted_items(test["items"], test.get("families")),
            f"{test['change']:+.4f}",
            f"{test['low']:+.4f} to {test['high']:+.4f}",
            f"{test['p']:.2g}",
            _winner(test),
        )
        for test in report["tests"]
    ]


def loss_rows(report: Report) -> Rows:
    """Return the table of losses on the golden answers, in nats per token; lower is better."""
    rows: Rows = []
    for one in report["losses"]:
        test = one["test"]
        tested = ("", "", "", "")
        if test is not None:
            tested = (
                f"{test['change']:+.4f}",
                f"{test['low']:+.4f} to {test['high']:+.4f}",
                f"{test['p']:.2g}",
                _winner(test),
            )
        figures = rounded(one["loss"]), rounded(one["perplexity"])
        rows.append((one["suite"], one["subject"], str(one["items"]), *figures, *tested))
    return rows


def subject_rows(report: Report) -> Rows:
    """Return the table of subjects: how fast and with how much memory they answered."""
    return [
        (
            one["name"],
            one["prefix"] or "none" if one["kind"] != "answers" else "",
            str(one["generated"]) if one["kind"] != "answers" else "",
            _speed(one),
            "" if one["peak_bytes"] is None else f"{one['peak_bytes'] / MIB:.0f} MiB",
            "; ".join(_remarks(one)),
        )
        for one in report["subjects"]
    ]


def target_rows(report: Report) -> Rows:
    """Return the table of targets; empty if none is set."""
    return [
        (
            name,
            checked["target"],
            checked["suite"],
            "not measured" if checked["value"] is None else rounded(checked["value"]),
            {True: "yes", False: "no", None: ""}[checked["reached"]],
            rounded(checked.get("gap") or None),
        )
        for name, found in (report["targets"] or {}).items()
        for checked in found["checked"]
    ]


def failure_rows(report: Report) -> tuple[tuple[str, ...], Rows]:
    """Return the names and rows of the table of failures: how often each subject has each kind."""
    names = [one["name"] for one in report["subjects"]]
    rows: Rows = [
        (one["suite"], _words(one["kind"]), *(str(one["subjects"].get(name, 0)) for name in names))
        for one in report.get("failures", ())
    ]
    return (*FAILURES, *names), rows


def headline(report: Report) -> list[str]:
    """Return the findings, one sentence each."""
    sentences = [report["message"], *report["findings"]]
    if len(report["subjects"]) > 2 and report["winner"] is None:
        sentences.append("no subject is proven best of all")
    sentences += writing_sentences(report)
    sentences += [
        f"grade of {name}: {shown_grade(found['grade'])}, from {parts_shown(found['grade'])}"
        for name, found in report["overall"].items()
        if found is not None and found["grade"] is not None
    ]
    for name, found in (report["targets"] or {}).items():
        sentences.append(f"targets of {name}: {_outcome(found)}")
    return sentences


def _outcome(found: TargetFigures) -> str:
    """Return the outcome of a subject's targets, with the number that were not measured."""
    missing = sum(one["value"] is None for one in found["checked"])
    if not missing or missing == len(found["checked"]):
        return str(found["outcome"])
    return f"{found['outcome']} ({missing} of {len(found['checked'])} not measured)"


def _speed(one: SubjectFigures) -> str:
    if one["tokens_per_s"] is not None:
        return f"{one['tokens_per_s']:.1f}"
    return "not measured" if one["kind"] != "answers" else ""


def _remarks(one: SubjectFigures) -> list[str]:
    sentences = list(dict.fromkeys(one["failed"]))
    if one["remembered"]:
        sentences.append(
            f"{one['remembered']} answers came from the cache: speed and memory are those of "
            "the others alone"
            if one["generated"]
            else f"all {one['remembered']} answers came from the cache, so speed and "
            "memory were not measured"
        )
    if one["missing"]:
        sentences.append(f"questions without an answer, not counted: {one['missing']}")
    if one["unknown"]:
        sentences.append(f"answers that match no question: {one['unknown']}")
    if one["kind"] == "answers":
        sentences.append("a file of answers has no losses")
    if one["unscored"]:
        sentences.append(
            f"{one['unscored']} golden answers have no loss: they exceed "
            "training.max_row_tokens, or refused by the model's template"
        )
    return sentences


def _winner(test: TestedPair) -> str:
    if test["winner"] is not None:
        return str(test["winner"])
    why_not = test.get("why_not")
    return NO_WINNER if why_not is None else f"{NO_WINNER}: {why_not}"


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _share(counts: Sequence[int]) -> str:
    return f"{counts[0]} of {counts[1]}" if counts and counts[1] else ""


def markdown(report: Report) -> str:
    """Return a report as Markdown; questions and answers are shown verbatim, as code."""
    return render("comparison.md", **_shown(report), sides=SIDES)


def page(report: Report) -> str:
    """Return the report as HTML; whatever a model or a user wrote is shown as text."""
    title = f"{report['evaluation']}: {escape(str(report['title']), 200)}"
    return render("comparison.html", **_shown(report), title=title, drawn=())


def _shown(report: Report) -> JsonObject:
    """Return what the templates of a comparison show."""
    return {
        "report": report,
        "headline": headline(report),
        "tables": tables(report),
        "figures": FIGURES | {one["name"] for one in report["subjects"]} - {"suite", "subject"},
        "writing": shown_questions(report, LONGEST),
        "failures": _failure_examples(report),
        "changes": [
            change
            for name, changed in report["changed"].items()
            for change in changes(changed, ("suite", "id"), name)
        ],
    }


def _failure_examples(report: Report) -> list[JsonObject]:
    return [
        {
            "title": f"{_words(one['kind'])}, {one['suite']}",
            "examples": [_example(example) for example in one["examples"]],
        }
        for one in report.get("failures", ())
    ]


def _example(found: FailureExample) -> JsonObject:
    texts = {"question": found["question"], "wanted": found["golden"], **found["answers"]}
    shown = [
        (name, one_line(text, LONGEST)) for name, text in texts.items() if text or name != "wanted"
    ]
    return {"id": found["id"], "texts": shown}


def tables(report: Report) -> list[tuple[str, tuple[str, ...], Rows]]:
    """Return the tables of a report that have rows: title, names of the columns, rows."""
    found = [
        ("Scores", SCORES, score_rows(report)),
        ("Figures", *track_table(report)),
        ("Writing", WRITING, writing_rows(report)),
        ("Comparison", TESTS, test_rows(report)),
        ("Losses", LOSSES, loss_rows(report)),
        ("Targets", TARGETS, target_rows(report)),
        ("Failures", *failure_rows(report)),
        ("Subjects", SUBJECTS, subject_rows(report)),
    ]
    return [one for one in found if one[2]]
