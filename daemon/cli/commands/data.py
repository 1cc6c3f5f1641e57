"""`data stats|dedup|preview|convert`: looks at files outside the inbox; trains nothing."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.commands.preview import describe, preview
from daemon.cli.commands.submit import named_fields
from daemon.cli.files.examination import Looked, examined
from daemon.cli.output.screen import facts, say
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.core.workspace.jobs import escape
from daemon.errors import UserFault
from daemon.folders import outputs
from daemon.settings_tables import IntakeSettings

if TYPE_CHECKING:
    from daemon.core.rows.formats import Fields
    from daemon.intake.reading_counts import ReadingCounts

SHOWN = 5
data = typer.Typer(help="Look at files outside the inbox.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A JSONL file.")]
Out = Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Write over an existing file.")]


@data.command()
def stats(
    file: File,
    html: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a page.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a picture.")] = None,
    force: Force = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Say what a file holds, in words, as a page or as a picture."""
    layout = workspace(root)
    for target in (html, png):
        if target is not None:
            outputs.check(target, force)
    with examined(file, layout) as looked:
        _draw(looked, html, png, force)
        if json:
            facts(looked.report)
        else:
            describe(looked.report)


def _draw(looked: Looked, html: Path | None, png: Path | None, force: bool) -> None:
    if html is not None:
        from daemon.analysis.page import render

        outputs.put(html, [render(looked.report).encode()], force)
    if png is not None:
        from daemon.analysis.pictures import draw

        picture = io.BytesIO()
        draw(looked.report, picture)
        outputs.put(png, [picture.getvalue()], force)


@data.command()
def dedup(file: File, output: Out, force: Force = False, root: Root = HERE) -> None:
    """Write the rows that are usable and new, each line as it was."""
    layout = workspace(root)
    outputs.check(output, force)
    with examined(file, layout) as looked:
        if looked.report["verdict"] != "accepted":
            describe(looked.report)
            raise typer.Exit(1)
        lines = kept_lines(looked)
        outputs.put(output, _picked(file, lines), force)
        say(f"{len(lines)} of {looked.report['rows']['read']} rows are in {output}")


def kept_lines(looked: Looked) -> set[int]:
    """Return the numbers of the lines that are new: to train, to hold out, or their variants."""
    import orjson

    found: set[int] = set()
    for path in (looked.folder.train, looked.folder.holdout):
        if path.exists():
            with path.open("rb") as file:
                found.update(int(orjson.loads(line)["line"]) for line in file)
    with looked.folder.rejected.open("rb") as file:
        withheld = [record for record in map(orjson.loads, file) if record["code"] == "withheld"]
    own = looked.folder.folder.name
    return found | {record["line"] for record in withheld if record["of"]["job"] == own}


def _picked(file: Path, lines: set[int]) -> Iterator[bytes]:
    with file.open("rb") as source:
        for number, line in enumerate(source, 1):
            if number in lines:
                yield line if line.endswith(b"\n") else line + b"\n"


@data.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON, CSV, Parquet or JSONL.")],
    output: Out,
    fields: Annotated[
        str | None,
        typer.Option(help="Own names of keys: prompt=query,completion=reply", metavar="NAME=KEY,…"),
    ] = None,
    chosen: Annotated[
        bool, typer.Option("--chosen", help="Take the chosen side of preference data.")
    ] = False,
    force: Force = False,
) -> None:
    """Write any known kind of file as messages, one JSON object a line."""
    from daemon.core.rows.formats import Fields
    from daemon.intake.convert import lines
    from daemon.intake.reading_counts import ReadingCounts

    if not file.is_file():
        raise UserFault("no_such_file", f"{file} is not there, or is no regular file")
    outputs.check(output, force)
    wrong, counts = _LeftOut(), ReadingCounts()
    names = Fields(named_fields(fields), train_chosen=chosen)
    outputs.put(output, _messages(lines(file), names, wrong, counts), force)
    say(f"{output} holds the rows of {file}")
    for sentence in counts.sentences():
        say(sentence, "yellow")
    if wrong.count:
        first = "; ".join(wrong.first)
        raise UserFault("rows_left_out", f"{wrong.count} rows were left out: {first}")


class _LeftOut:
    """The rows that could not be converted: how many, and the first few with the reason."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, why: str) -> None:
        """Note one."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(why)


def _messages(
    rows: Iterator[bytes], fields: "Fields", wrong: _LeftOut, counts: "ReadingCounts"
) -> Iterator[bytes]:
    """Give each row as messages, read by the rules of the inbox."""
    import orjson

    from daemon.core.rows.examples import to_record
    from daemon.core.rows.refusal import Bad
    from daemon.intake.lines import Line
    from daemon.intake.parsing import RowRules, parse

    limits = IntakeSettings()
    rules = RowRules(limits.max_depth, limits.max_line_bytes, fields)
    for number, data in enumerate(filter(bytes.strip, rows), 1):
        found = parse(Line(number, 0, len(data), data.rstrip(b"\r\n"), True), rules)
        if isinstance(found, Bad):
            wrong.add(f"row {number}: {escape(found.message)} ({escape(found.hint, 200)})")
        else:
            counts.add(found, number, data)
            yield orjson.dumps(to_record(found.example)) + b"\n"


data.command()(preview)
