"""`preview`: shows how intake and training would treat a file if it were dropped."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from daemon.cli.commands.submit import OwnNames, named_fields
from daemon.cli.files import estimate
from daemon.cli.files.examination import Examination, examine_file
from daemon.cli.output.screen import echo, facts, out, safe
from daemon.cli.place import HERE, Json, Root, workspace_if_any
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
"""Tokens shown of a row."""


def preview(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file of rows.")],
    rows: Annotated[int, typer.Option(help="How many rows to show token by token.", min=0)] = 3,
    fields: OwnNames = None,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Show how the daemon would treat a file."""
    layout = workspace_if_any(root)
    with examine_file(file, layout, fields=named_fields(fields)) as examined:
        if json:
            facts(examined.report)
            return
        describe(examined.report)
        if examined.tokens and layout is not None:
            _costs(examined, layout)
            _rows(examined, rows)


def describe(report: "Report") -> None:
    """Print a report's verdict, reasons and token lengths."""
    from daemon.analysis.charts import charts, listed
    from daemon.analysis.verdict import headline, remarks, sentence, why

    echo(f"{headline(report)}: {sentence(report)}", "bold")
    for line in (why(report), *remarks(report)):
        if line:
            echo(line)
    for reason in listed(report.get("reasons")):
        echo(f"{reason['code']} x {reason['count']}: {reason['hint']}", "yellow")
        for example in listed(reason.get("examples")):
            echo(f"  line {example.get('line')}: {escape(str(example.get('message') or ''), 200)}")
    for chart in charts(report):
        if chart.id == "tokens":
            _histogram(chart)


def _histogram(chart: "Chart") -> None:
    counts = chart.series[0][1]
    width = max(map(len, chart.labels))
    echo("")
    echo(f"{chart.title} ({chart.summary})")
    for label, count in zip(chart.labels, counts, strict=True):
        bar = "█" * max(count > 0, round(BAR * count / max(counts)))
        echo(f"  {label:>{width}} {bar} {count:,}")


def _costs(examined: Examination, layout: Layout) -> None:
    lengths = estimate.lengths_of(examined.folder.train)
    if not lengths:
        return
    training = examined.settings.training
    cost = estimate.cost_of(lengths, training)
    echo("")
    for sentence in estimate.sentences(cost, estimate.measured(layout), training.epochs):
        echo(sentence)


def _rows(examined: Examination, wanted: int) -> None:
    import orjson

    from daemon.core.rows.examples import from_record

    if not wanted or not examined.folder.train.exists():
        return
    coloured = out.color_system is not None and not os.environ.get("NO_COLOR")
    echo("")
    out.print(_legend(coloured), soft_wrap=True)
    with examined.folder.train.open("rb") as file:
        for line in islice(file, wanted):
            record = orjson.loads(line)
            limit = examined.settings.training.max_row_tokens
            tokens = examined.encoder.pieces(from_record(record), limit)
            echo(f"line {record['line']}, {record['tokens']} tokens:", "bold")
            out.print(shown(tokens[:LONGEST_SHOWN], coloured), soft_wrap=True)


def _legend(coloured: bool) -> Text:
    found = Text("rows by token: ")
    for kind, words in LEGEND.items():
        begin, end = ("", "") if coloured else MARKS[kind]
        found.append(f"{begin}{words}{end}", STYLES[kind] if coloured else "")
        found.append(" ")
    return found


def shown(tokens: "Sequence[TokenText]", coloured: bool) -> Text:
    """Return tokens as text: in colours, or with marks around each span of one kind."""
    found = Text()
    before = ""
    for token in tokens:
        if not coloured and token.kind != before:
            found.append((MARKS[before][1] if before else "") + MARKS[token.kind][0])
        found.append(safe(token.text), STYLES[token.kind] if coloured else "")
        before = token.kind
    if not coloured and before:
        found.append(MARKS[before][1])
    return found
