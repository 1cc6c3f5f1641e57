"""`analyze`: what the learning curves of runs say, as words, page, pictures and JSON."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.commands.data import Force
from daemon.cli.output.screen import facts, say
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.cli.version_names import named
from daemon.core.curves.curves import Curve, Diagnosis, Probe
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
class Asked:
    """What is looked at, and under which name its files are written."""

    name: str
    curves: list[Curve]
    probes: Sequence[Probe] = ()
    """How the answers changed, where one run of a workspace is looked at."""
    damaged: int = 0
    """Lines of the probes' record that could not be read."""


def analyze(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[RUN | VERSION | PATH | all]",
            help="A path: a metrics.jsonl or a saved log of mlx-lm. Without: the run in hand, "
            "else the current version.",
        ),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write; without, curves-NAME in this folder."),
    ] = None,
    force: Force = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Say whether runs learned well, and write a page, a PNG for each chart and the verdicts.

    With --json the verdicts are printed, and files are written only where --out names a folder.
    """
    asked = _asked(what, root)
    folder = out if out is not None or json else Path(f"curves-{slug(asked.name)}")
    if folder is not None:
        outputs.check_folder(folder, force)
    from daemon.analysis.curves.judge import diagnose

    diagnoses = [diagnose(curve) for curve in asked.curves]
    record = {
        "schema_version": SCHEMA,
        "curves": [one.as_record() for one in diagnoses],
        "probes": [asdict(probe) for probe in asked.probes],
    }
    if folder is not None:
        outputs.put_folder(folder, _files(asked, diagnoses, record), force)
    if json:
        facts(record)
        return
    for one in diagnoses:
        _tell(one)
    _tell_probes(asked)
    say(f"{folder}/ holds {PAGE}, {VERDICTS} and a PNG for each chart")


def _asked(what: str, root: Path) -> Asked:
    """Return the curves that a user's word means; a word of the workspace goes before a path.

    Raises:
        UserFault: it means nothing that is there, or nothing is trained yet.
        NoWorkspace: the word needs a workspace and there is none.
    """
    if what and what != ALL and not re.fullmatch(r"[rv]?\d+", what):
        return Asked(Path(what).name, training_records.of_path(Path(what)))
    layout = workspace(root)
    what = what or training_records.latest(layout, current_model.read(layout))
    evaluations = _evaluations(layout)
    if what.startswith("r"):
        return _one(layout, what, training_records.of_run(layout, what, evaluations))
    if what != ALL:
        return _one(layout, named(what), training_records.of_version(layout, named(what)))
    curves = training_records.of_workspace(layout, evaluations)
    if not curves:
        raise UserFault("nothing_trained", f"no run is known in {layout.root} yet")
    return Asked(ALL, curves)


def _one(layout: Layout, name: str, curve: Curve) -> Asked:
    return Asked(name, [curve], *training_records.probes(layout, curve))


def _evaluations(layout: Layout) -> dict[str, list[tuple[int, float]]]:
    """Return the validation losses of all runs; a run without a version has them nowhere else."""
    rows, _ = ledger.remembered(layout)
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        loss = row.values.get("validation_loss")
        if row.table == "evaluations" and loss is not None:
            pair = (int(row.values["step"]), float(loss))
            found.setdefault(str(row.values["run"]), []).append(pair)
    return found


def _files(
    asked: Asked, diagnoses: Sequence[Diagnosis], record: dict[str, Any]
) -> Iterator[tuple[str, bytes]]:
    """Give the name and the bytes of each file."""
    from daemon.analysis.curves import evolution
    from daemon.analysis.curves.charts import charts, compared
    from daemon.analysis.curves.page import render, render_all

    if len(diagnoses) == 1:
        page = render(diagnoses[0], asked.probes)
        drawn = [*charts(diagnoses[0]), *evolution.similarities(asked.probes)]
    else:
        page, drawn = render_all(diagnoses, asked.name), compared(diagnoses)
    whose = diagnoses[0].curve.name if len(diagnoses) == 1 else asked.name
    yield PAGE, page.encode()
    yield VERDICTS, outputs.as_json(record)
    for chart in drawn:
        yield f"{chart.id}.png", _drawn(chart, whose)


def _drawn(chart: "LineChart", name: str) -> bytes:
    from daemon.analysis.curves.pictures import draw

    picture = io.BytesIO()
    draw(chart, name, picture)
    return picture.getvalue()


def _tell(diagnosis: Diagnosis) -> None:
    from daemon.analysis.curves import words

    say(f"{diagnosis.curve.name}: {diagnosis.verdict}", style="bold")
    say(words.sentence(diagnosis))
    for finding in diagnosis.findings:
        say(f"{finding.kind.replace('_', ' ')}: {words.told(finding)} {words.advised(finding)}")
    for sentence in (words.stop(diagnosis), *words.remarks(diagnosis)):
        if sentence:
            say(sentence)


def _tell_probes(asked: Asked) -> None:
    from daemon.analysis.curves import evolution

    for sentence in evolution.sentences(asked.probes):
        say(sentence)
    if asked.damaged:
        say(f"{asked.damaged} damaged line(s) of {training_records.EVOLUTION} left out")
