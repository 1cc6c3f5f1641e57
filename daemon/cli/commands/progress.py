"""`progress`: the right answers of each version to the suites, as table, page and picture."""

import io
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from daemon.cli.output.screen import cell, echo, facts, out
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.evaluation.course import Course, course_of
from daemon.folders import outputs
from daemon.folders.models import current_model
from daemon.folders.models.models import read_manifests
from daemon.settings_file import read_settings

PICTURE, MARKDOWN, PAGE, RECORD = "progress.png", "progress.md", "progress.html", "progress.json"


def progress(
    to: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write a picture, a page and Markdown to this folder."
        ),
    ] = None,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Show the benchmarks of evaluation.suites for all versions."""
    layout = workspace(root)
    if to is not None:
        outputs.check_folder(to, force=True)
    course = course_of(read_manifests(layout), read_settings(layout.settings_file).grade)
    if to is not None and course.points:
        outputs.put_folder(to, _files(course), force=True)
    if json:
        facts(course.as_record())
        return
    if not course.points:
        echo(
            "no version was measured on a suite yet: name suites as evaluation.suites in "
            f"{layout.settings_file}, and each run is measured on them"
        )
        return
    _print(course, current_model.read(layout))
    if to is not None:
        echo(f"{to}/ holds {PICTURE}, {PAGE}, {MARKDOWN} and {RECORD}")
    else:
        echo("--out DIR writes a picture, a page and Markdown")


def _print(course: Course, current: str | None) -> None:
    shown = Table(box=None, pad_edge=False)
    for name in course.columns:
        shown.add_column(name, overflow="fold")
    for first, *others in course.rows:
        mark = "→ " if first == current else "  "
        shown.add_row(*map(cell, (mark + first, *others)))
    out.print(shown)
    for note in course.notes:
        echo(f"- {note}.")


def _files(course: Course) -> list[tuple[str, bytes]]:
    from daemon.analysis.curves.pictures import draw
    from daemon.evaluation.course_page import chart_of, markdown, page

    picture = io.BytesIO()
    draw(chart_of(course), "right answers by version", picture)
    return [
        (PICTURE, picture.getvalue()),
        (PAGE, page(course).encode()),
        (MARKDOWN, markdown(course).encode()),
        (RECORD, outputs.as_json(course.as_record())),
    ]
