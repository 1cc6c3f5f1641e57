"""`data stats|dedup|preview|convert`: works on files outside the inbox."""

import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.commands.preview import describe, preview
from daemon.cli.commands.submit import OwnNames, named_fields
from daemon.cli.files.examination import Examination, examine_file
from daemon.cli.output.screen import echo, facts
from daemon.cli.place import HERE, Json, NoWorkspace, Root, workspace, workspace_if_any
from daemon.core.workspace.jobs import escape
from daemon.errors import UserFault
from daemon.folders import outputs
from daemon.settings_file import read_settings
from daemon.settings_tables import IntakeSettings

if TYPE_CHECKING:
    from daemon.core.rows.formats import FieldName, Fields
    from daemon.intake.reading_counts import ReadingCounts

SHOWN = 5
data = typer.Typer(help="Work with files outside the inbox.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Any file of rows.")]
Out = Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")]


@data.command()
def stats(
    file: File,
    html: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a page.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a picture.")] = None,
    force: Force = False,
    fields: OwnNames = None,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Describe a file, as text, as a page or as a picture."""
    layout = workspace_if_any(root)
    for target in (html, png):
        if target is not None:
            outputs.check(target, force)
    with examine_file(file, layout, fields=named_fields(fields)) as examined:
        _draw(examined, html, png, force)
        if json:
            facts(examined.report)
        else:
            describe(examined.report)


def _draw(examined: Examination, html: Path | None, png: Path | None, force: bool) -> None:
    if html is not None:
        from daemon.analysis.page import render

        outputs.put(html, [render(examined.report).encode()], force)
    if png is not None:
        from daemon.analysis.pictures import draw

        picture = io.BytesIO()
        draw(examined.report, picture)
        outputs.put(png, [picture.getvalue()], force)


@data.command()
def dedup(
    file: File,
    output: Out,
    force: Force = False,
    fields: OwnNames = None,
    root: Root = HERE,
) -> None:
    """Write the usable new rows, each line unchanged."""
    layout = workspace_if_any(root)
    outputs.check(output, force)
    from daemon.analysis.charts import part

    with examine_file(file, layout, fields=named_fields(fields)) as examined:
        if examined.report["verdict"] != "accepted":
            describe(examined.report)
            raise typer.Exit(1)
        lines = new_lines(examined)
        known = examined.settings.intake.fields.values()
        outputs.put(output, _lines_of(file, lines, examined.folder.folder, known), force)
        read = part(examined.report, "rows")["read"]
        echo(f"{len(lines)} of {read} rows are in {output}")


def new_lines(examined: Examination) -> set[int]:
    """Return the numbers of the new lines: trained, held out, or variants of these."""
    import orjson

    found: set[int] = set()
    for path in (examined.folder.train, examined.folder.holdout):
        if path.exists():
            with path.open("rb") as file:
                found.update(int(orjson.loads(line)["line"]) for line in file)
    with examined.folder.rejected.open("rb") as file:
        withheld = [record for record in map(orjson.loads, file) if record["code"] == "withheld"]
    own = examined.folder.folder.name
    return found | {record["line"] for record in withheld if record["of"]["job"] == own}


def _lines_of(
    file: Path, lines: set[int], scratch: Path, known: Collection[str]
) -> Iterator[bytes]:
    from daemon.files.unpacking import lines as lines_in

    for number, line in enumerate(lines_in(file, scratch, known), 1):
        if number in lines:
            yield line if line.endswith(b"\n") else line + b"\n"


@data.command()
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file of rows.")],
    output: Out,
    fields: OwnNames = None,
    chosen: Annotated[
        bool, typer.Option("--chosen", help="Use the chosen side of preference data.")
    ] = False,
    force: Force = False,
    root: Root = HERE,
) -> None:
    """Write any known kind of file as messages, one JSON object a line.

    In a workspace the names of keys are those of its settings, where --fields gives none.
    """
    from daemon.core.rows.formats import Fields
    from daemon.files.file_notes import FileNotes
    from daemon.intake.convert import lines
    from daemon.intake.reading_counts import ReadingCounts

    if not file.is_file():
        raise UserFault("no_such_file", f"{file} is not there, or is not a regular file")
    outputs.check(output, force)
    wrong, counts, notes = _LeftOut(), ReadingCounts(), FileNotes()
    names = Fields(named_fields(fields) or _workspace_names(root), train_chosen=chosen)
    rows = lines(file, names.own.values(), notes)
    outputs.put(output, _messages(rows, names, wrong, counts), force)
    echo(f"{output} holds the rows of {file}")
    for sentence in (*notes.sentences(), *counts.sentences()):
        echo(sentence, "yellow")
    if wrong.count:
        first = "; ".join(wrong.first)
        raise UserFault("rows_left_out", f"{wrong.count} rows were left out: {first}")


def _workspace_names(root: Path) -> "Mapping[FieldName, str]":
    """Return the user's names of keys in the settings of a workspace; none outside of one."""
    try:
        layout = workspace(root)
    except NoWorkspace:
        return {}
    return read_settings(layout.settings_file).intake.fields


class _LeftOut:
    """The rows that could not be converted: how many, and the first few with the reason."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[str] = []

    def add(self, why: str) -> None:
        """Record one row."""
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
        text, is_whole = data.rstrip(b"\r\n"), data.endswith(b"\n")
        found = parse(Line(number, 0, len(text), text, is_whole), rules)
        if isinstance(found, Bad):
            wrong.add(f"row {number}: {escape(found.message)} ({escape(found.hint, 200)})")
        else:
            counts.add(found, number, data)
            yield orjson.dumps(to_record(found.example)) + b"\n"


data.command()(preview)
