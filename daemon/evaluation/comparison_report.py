"""Renders a comparison as Markdown and as a self-contained HTML page."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.analysis.frame import document
from daemon.analysis.markup import Html, element, join, table, text
from daemon.core.decisions.promotion import counted_items
from daemon.core.evaluation.suites import DIFFICULTIES
from daemon.core.workspace.jobs import escape, one_line
from daemon.evaluation.markdown import TEXT, code, plain, rounded
from daemon.evaluation.markdown import table as lines_of
from daemon.evaluation.scores.grade import shown as shown_grade

SHOWN = 20
"""Changed answers of each kind shown side by side."""

Report = Mapping[str, Any]
Rows = list[tuple[str, ...]]

SCORES = ("suite", "subject", "items", "metric", "mean", "right", *DIFFICULTIES)
TESTS = ("suite", "metric", "subject", "against", "items", "delta", "interval", "p", "winner")
LOSSES = ("suite", "subject", "items", "loss", "perplexity", "delta", "interval", "p", "winner")
SUBJECTS = ("subject", "prefix", "answers generated", "tokens/s", "peak memory", "remarks")
TARGETS = ("subject", "target", "suite", "measured", "reached")
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
    "loss",
    "perplexity",
}
SIDES = {"question": "question", "wanted": "golden", "before": "before", "after": "after"}
CHANGES = {"to_right": "From wrong to right", "to_wrong": "From right to wrong"}
NO_WINNER = "no significant difference"
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
    for name, found in report["overall"].items():
        if found is not None:
            graded = found["grade"]
            mark = "" if graded is None else f"grade {shown_grade(graded)}"
            rows.append(
                (
                    "all",
                    name,
                    str(found["items"]),
                    mark,
                    rounded(found["mean"]),
                    _share(found["right"]),
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
    """Return the table of losses on the golden answers, in nats a token; lower is better."""
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
    """Return the table of targets; empty where none is set."""
    return [
        (
            name,
            checked["target"],
            checked["suite"],
            "not measured" if checked["value"] is None else rounded(checked["value"]),
            "yes" if checked["reached"] else "no",
        )
        for name, found in (report["targets"] or {}).items()
        for checked in found["checked"]
    ]


def headline(report: Report) -> list[str]:
    """Return the findings, one sentence each."""
    sentences = [report["message"], *report["findings"]]
    if len(report["subjects"]) > 2 and report["winner"] is None:
        sentences.append("no subject is proven best of all")
    for name, found in (report["targets"] or {}).items():
        sentences.append(f"targets of {name}: {found['outcome']}")
    return sentences


def _speed(one: Mapping[str, Any]) -> str:
    if one["tokens_per_s"] is not None:
        return f"{one['tokens_per_s']:.1f}"
    return "not measured" if one["kind"] != "answers" else ""


def _remarks(one: Mapping[str, Any]) -> list[str]:
    sentences = list(dict.fromkeys(one["failed"]))
    if one["remembered"]:
        sentences.append(
            f"{one['remembered']} answers come from the cache: speed and memory are those of "
            "the others alone"
            if one["generated"]
            else f"all {one['remembered']} answers come from the cache, so speed and "
            "memory were not measured"
        )
    if one["missing"]:
        sentences.append(f"questions without an answer, which count in no figure: {one['missing']}")
    if one["unknown"]:
        sentences.append(f"answers that belong to none of the questions: {one['unknown']}")
    if one["kind"] == "answers":
        sentences.append("a file of answers has no losses")
    if one["unscored"]:
        sentences.append(
            f"{one['unscored']} golden answers have no loss: they are longer than "
            "training.max_row_tokens, or refused by the model's template"
        )
    return sentences


def _winner(test: Mapping[str, Any]) -> str:
    if test["winner"] is not None:
        return str(test["winner"])
    why_not = test.get("why_not")
    return NO_WINNER if why_not is None else f"{NO_WINNER}: {why_not}"


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _share(counts: Sequence[int]) -> str:
    return f"{counts[0]} of {counts[1]}" if counts and counts[1] else ""


def _about(report: Report) -> str:
    return (
        "The delta is the subject's mean minus that of the one it is compared with. All intervals "
        f"of a table of suites hold together with a chance of {1 - report['level']:.0%} (paired "
        "bootstrap over the items), and so do all winners (McNemar's test or Wilcoxon's, by Holm). "
        "In the row of all, all pairs are compared; the best of all has beaten each other one. "
        "Items of one group are one family, which is resampled and tested as one. "
        "Losses are of the first golden answer of each item, in nats a token, so lower is better; "
        "their deltas hold together as those of the scores do. "
        "Tokens a second are those of answers generated concurrently."
    )


# --- Markdown -------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """Return a report as Markdown; untrusted texts are shown verbatim, as code."""
    lines = [f"# {report['evaluation']}: {plain(report['title'])}", ""]
    lines += [f"- {plain(sentence)}" for sentence in headline(report)]
    for title, names, rows in _tables(report):
        safe = [[plain(cell) for cell in row] for row in rows]
        lines += ["", f"## {title}", "", *lines_of(names, safe)]
    lines += ["", plain(_about(report))]
    lines += [f"- {plain(note)}" for note in report["notes"]]
    for name, found in (report["targets"] or {}).items():
        lines += ["", f"## What to do next: {plain(name)}, {found['outcome']}", ""]
        lines += [f"- {plain(action)}" for action in found["actions"]]
    for name, kinds in report["changed"].items():
        for key, title in CHANGES.items():
            items = kinds[key]
            lines += ["", f"## {title}, {plain(name)}: {len(items)}"]
            for item in items[:SHOWN]:
                lines += ["", f"{code(item['id'])} of {plain(item['suite'])}", ""]
                lines += [f"- {side}: {code(item[field])}" for side, field in SIDES.items()]
    return "\n".join(lines) + "\n"


def _tables(report: Report) -> list[tuple[str, tuple[str, ...], Rows]]:
    found = [
        ("Scores", SCORES, score_rows(report)),
        ("Comparison", TESTS, test_rows(report)),
        ("Losses", LOSSES, loss_rows(report)),
        ("Targets", TARGETS, target_rows(report)),
        ("Subjects", SUBJECTS, subject_rows(report)),
    ]
    return [one for one in found if one[2]]


# --- HTML -----------------------------------------------------------------------------------------


def page(report: Report) -> str:
    """Return the report as HTML; whatever a model or a user wrote is shown as text."""
    title = f"{report['evaluation']}: {escape(str(report['title']), 200)}"
    body = join(
        element(
            "header",
            element("h1", text(title)),
            *(
                element("p", text(escape(sentence, TEXT)), kind="lead")
                for sentence in headline(report)
            ),
        ),
        element(
            "main",
            *(
                _section(name, table(names, _safe(rows), _figures(names), stacked=True))
                for name, names, rows in _tables(report)
            ),
            _section("How to read it", element("p", text(_about(report))), _list(report["notes"])),
            *(
                _section(f"What to do next: {name}, {found['outcome']}", _list(found["actions"]))
                for name, found in (report["targets"] or {}).items()
            ),
            *(
                _changes(f"{title}, {name}", kinds[key])
                for name, kinds in report["changed"].items()
                for key, title in CHANGES.items()
            ),
        ),
    )
    return document(title, body, ())


def _figures(names: Sequence[str]) -> list[int]:
    """Return the columns of figures, which are not wrapped."""
    return [place for place, name in enumerate(names) if name in FIGURES]


def _safe(rows: Rows) -> Rows:
    return [tuple(escape(cell, TEXT) for cell in row) for row in rows]


def _section(title: str, *content: Html) -> Html:
    return element("section", element("h2", text(escape(title, 200))), *content)


def _list(sentences: Sequence[str]) -> Html:
    items = [element("li", text(escape(sentence, TEXT))) for sentence in sentences]
    return element("ul", *items) if items else ""


def _changes(title: str, items: Sequence[Mapping[str, Any]]) -> Html:
    if not items:
        return ""
    rows = [
        tuple(one_line(str(item[field])) for field in ("suite", "id", *SIDES.values()))
        for item in items[:SHOWN]
    ]
    return _section(f"{title}: {len(items)}", table(("suite", "id", *SIDES), rows, stacked=True))
