"""`preview`: what would become of a file if it were dropped; changes nothing."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from daemon.cli.files import estimate
from daemon.cli.files.examination import Looked, examined
from daemon.cli.output.screen import facts, out, safe, say
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.core.workspace.jobs import escape
from daemon.layout import Layout

if TYPE_CHECKING:
    from daemon.analysis.charts import Chart, Report
    from daemon.text.pieces import TokenText

BAR = 40
STYLES = {"supervised": "bold green", "ignored": "dim", "truncated": "strike red"}
MARKS = {"supervised": ("[", "]"), "ignored": ("", ""), "truncated": ("<", ">")}
LEGEND = {"supervised": "learned", "ignored": "only read", "truncated": "cut off"}
LONGEST_SHOWN = 1500
"""Tokens of a row that are shown."""


def preview(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSONL file.")],
    rows: Annotated[int, typer.Option(help="So many rows are shown by token.", min=0)] = 3,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Show what would become of a file."""
    layout = workspace(root)
    with examined(file, layout) as looked:
        if json:
            facts(looked.report)
            return
        describe(looked.report)
        if looked.tokens:
            _costs(looked, layout)
            _rows(looked, rows)


def describe(report: "Report") -> None:
    """Write a report's verdict, reasons and token lengths."""
    from daemon.analysis.charts import charts
    from daemon.analysis.verdict import headline, remarks, sentence, why

    say(f"{headline(report)}: {sentence(report)}", "bold")
    for said in (why(report), *remarks(report)):
        if said:
            say(said)
    for reason in report.get("reasons") or []:
        say(f"{reason['code']} x {reason['count']}: {reason['hint']}", "yellow")
        for example in reason.get("examples") or []:
            say(f"  line {example.get('line')}: {escape(str(example.get('message') or ''), 200)}")
    for chart in charts(report):
        if chart.id == "tokens":
            _histogram(chart)


def _histogram(chart: "Chart") -> None:
    counts = chart.series[0][1]
    width = max(map(len, chart.labels))
    say("")
    say(f"{chart.title} ({chart.summary})")
    for label, count in zip(chart.labels, counts, strict=True):
        bar = "█" * max(count > 0, round(BAR * count / max(counts)))
        say(f"  {label:>{width}} {bar} {count:,}")


def _costs(looked: Looked, layout: Layout) -> None:
    lengths = estimate.lengths_of(looked.folder.train)
    if not lengths:
        return
    training = looked.settings.training
    cost = estimate.cost_of(lengths, training)
    say("")
    for said in estimate.sentences(cost, estimate.measured(layout), training.epochs):
        say(said)


def _rows(looked: Looked, wanted: int) -> None:
    import orjson

    from daemon.core.rows.examples import from_record

    if not wanted or not looked.folder.train.exists():
        return
    coloured = out.color_system is not None and not os.environ.get("NO_COLOR")
    say("")
    out.print(_legend(coloured), soft_wrap=True)
    with looked.folder.train.open("rb") as file:
        for line in islice(file, wanted):
            record = orjson.loads(line)
            limit = looked.settings.training.max_row_tokens
            pieces = looked.encoder.pieces(from_record(record), limit)
            say(f"line {record['line']}, {record['tokens']} tokens:", "bold")
            out.print(shown(pieces[:LONGEST_SHOWN], coloured), soft_wrap=True)


def _legend(coloured: bool) -> Text:
    found = Text("rows by token: ")
    for kind, words in LEGEND.items():
        begin, end = ("", "") if coloured else MARKS[kind]
        found.append(f"{begin}{words}{end}", STYLES[kind] if coloured else "")
        found.append(" ")
    return found


def shown(pieces: "Sequence[TokenText]", coloured: bool) -> Text:
    """Return tokens as text: in colours, or with marks around each stretch of one kind."""
    found = Text()
    before = ""
    for piece in pieces:
        if not coloured and piece.kind != before:
            found.append((MARKS[before][1] if before else "") + MARKS[piece.kind][0])
        found.append(safe(piece.text), STYLES[piece.kind] if coloured else "")
        before = piece.kind
    if not coloured and before:
        found.append(MARKS[before][1])
    return found
