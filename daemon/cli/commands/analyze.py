"""`analyze`: diagnoses the learning curves of runs, as text, page, pictures and JSON."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.commands.data import Force
from daemon.cli.output.screen import echo, facts
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.cli.version_names import named
from daemon.core.curves.curves import Curve, Diagnosis, Probe
from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import slug
from daemon.errors import UserFault
from daemon.folders import outputs
from daemon.folders.models import current_model, training_records
from daemon.folders.queue import ledger
from daemon.layout import Layout

if TYPE_CHECKING:
    from daemon.analysis.curves.charts import LineChart

ALL = "all"
SCHEMA = 1
PAGE = "report.html"
VERDICTS = "verdicts.json"


@dataclass(frozen=True)
class Selection:
    """The curves to analyze, and the name under which their files are written."""

    name: str
    curves: list[Curve]
    probes: Sequence[Probe] = ()
    """How the answers to probes changed, for one run of a workspace."""
    damaged: int = 0
    """Lines of the probes' record that could not be read."""


def analyze(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[RUN | VERSION | PATH | all]",
            help="A path: a metrics.jsonl, the daemon's log (the runs in it) or a saved log of "
            "mlx-lm. Default: the current run, else the current version.",
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write; default: curves-NAME in this folder."),
    ] = None,
    force: Force = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Diagnose whether runs learned well; write a page, a PNG for each chart and the verdicts.

    With --json the verdicts are printed, and files are written only where --out names a folder.
    """
    selection = _select(what, root)
    folder = out if out is not None or json else Path(f"curves-{slug(selection.name)}")
    if folder is not None:
        outputs.check_folder(folder, force)
    from daemon.analysis.curves.judge import diagnose

    diagnoses = [diagnose(curve) for curve in selection.curves]
    record = {
        "schema_version": SCHEMA,
        "curves": [one.as_record() for one in diagnoses],
        "probes": [asdict(probe) for probe in selection.probes],
    }
    if folder is not None:
        outputs.put_folder(folder, _files(selection, diagnoses, record), force)
    if json:
        facts(record)
        return
    for one in diagnoses:
        _print(one)
    _print_probes(selection)
    echo(f"{folder}/ holds {PAGE}, {VERDICTS} and a PNG for each chart")


def _select(what: str, root: Path) -> Selection:
    """Return the curves that an argument names; names of the workspace precede paths.

    Raises:
        UserFault: it names nothing that exists, or nothing is trained yet.
        NoWorkspace: it needs a workspace and there is none.
    """
    if what and what != ALL and not re.fullmatch(r"[rv]?\d+", what):
        return _of_path(Path(what), root)
    layout = workspace(root)
    what = what or training_records.latest(layout, current_model.read(layout))
    evaluations = _evaluations(layout)
    if what.startswith("r"):
        return _one(layout, what, training_records.of_run(layout, what, evaluations))
    if what != ALL:
        name = named(layout, what)
        return _one(layout, name, training_records.of_version(layout, name))
    curves = training_records.of_workspace(layout, evaluations)
    if not curves:
        raise UserFault("nothing_trained", f"no run is known in {layout.root} yet")
    return Selection(ALL, curves)


def _of_path(path: Path, root: Path) -> Selection:
    runs = training_records.runs_named_in(path)
    if runs is None:
        return Selection(path.name, training_records.of_path(path))
    if not runs:
        raise UserFault("no_run_in_log", f"{path} is a daemon's log that mentions no run")
    # A log has no steps: these lie in the workspace whose log it is, in logs/ or status/.
    own = Layout(path.resolve().parent.parent)
    layout = own if own.inbox.is_dir() and own.models.is_dir() else workspace(root)
    curves = training_records.of_runs(layout, runs, _evaluations(layout))
    return _one(layout, runs[0], curves[0]) if len(runs) == 1 else Selection(path.name, curves)


def _one(layout: Layout, name: str, curve: Curve) -> Selection:
    return Selection(name, [curve], *training_records.probes(layout, curve))


def _evaluations(layout: Layout) -> dict[str, list[tuple[int, float]]]:
    """Return the validation losses of all runs; only the ledger has those of versionless runs."""
    rows, _ = ledger.rows_only_here(layout)
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        step, loss = row.values.get("step"), row.values.get("validation_loss")
        if row.table == "evaluations" and isinstance(step, int) and isinstance(loss, float | int):
            pair = (step, float(loss))
            found.setdefault(str(row.values["run"]), []).append(pair)
    return found


def _files(
    selection: Selection, diagnoses: Sequence[Diagnosis], record: JsonObject
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file."""
    from daemon.analysis.curves import evolution
    from daemon.analysis.curves.charts import charts, compared
    from daemon.analysis.curves.page import render, render_all

    if len(diagnoses) == 1:
        page = render(diagnoses[0], selection.probes)
        drawn = [*charts(diagnoses[0]), *evolution.similarities(selection.probes)]
    else:
        page, drawn = render_all(diagnoses, selection.name), compared(diagnoses)
    name = diagnoses[0].curve.name if len(diagnoses) == 1 else selection.name
    yield PAGE, page.encode()
    yield VERDICTS, outputs.as_json(record)
    for chart in (one for one in drawn if one.is_drawn):
        yield f"{chart.id}.png", _png(chart, name)


def _png(chart: "LineChart", name: str) -> bytes:
    from daemon.analysis.curves.pictures import draw

    picture = io.BytesIO()
    draw(chart, name, picture)
    return picture.getvalue()


def _print(diagnosis: Diagnosis) -> None:
    from daemon.analysis.curves import words

    echo(f"{diagnosis.curve.name}: {diagnosis.verdict}", style="bold")
    echo(words.sentence(diagnosis))
    for finding in diagnosis.findings:
        echo(f"{finding.kind.replace('_', ' ')}: {words.message(finding)} {words.advice(finding)}")
    for sentence in (words.stop(diagnosis), *words.remarks(diagnosis)):
        if sentence:
            echo(sentence)


def _print_probes(selection: Selection) -> None:
    from daemon.analysis.curves import evolution

    for sentence in evolution.sentences(selection.probes):
        echo(sentence)
    if selection.damaged:
        echo(f"{selection.damaged} damaged line(s) of {training_records.EVOLUTION} left out")
