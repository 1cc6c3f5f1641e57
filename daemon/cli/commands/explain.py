"""`explain`: what a version was trained on, what became better or worse, and how it was made."""

import json as json_module
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from daemon.cli.output.screen import echo, facts, out, table
from daemon.cli.place import HERE, Json, Root, workspace
from daemon.cli.version_names import current, manifest_of, named
from daemon.core.decisions.promotion import counted_items
from daemon.core.decisions.unused import ways_to_go_on
from daemon.core.evaluation.explained import (
    EarlierFile,
    EnergyFigures,
    ExplainedFile,
    ExplainedProvenance,
    ExplainedScore,
    Explanation,
    JobFacts,
    Moved,
    SavedMisfit,
)
from daemon.core.evaluation.explanation import earlier_jobs
from daemon.core.evaluation.explanation import explain as build_explanation
from daemon.core.evaluation.reports import ChangedAnswers, JudgementReport, PairFigures
from daemon.core.evaluation.set_names import set_title
from daemon.core.records import JsonObject, to_json_value
from daemon.core.workspace.jobs import card_from_record, escape, one_line
from daemon.errors import Fault
from daemon.folders.queue import reports
from daemon.folders.queue.queue import find_job
from daemon.layout import Layout
from daemon.settings_records import WORDS, read_saved

SHOWN = 5
"""Changed answers shown of each kind."""
TEXT = 160
"""Characters shown of a question or an answer."""
DIGITS = 12
"""Digits shown of a checksum."""


def explain(
    version: Annotated[
        str, typer.Argument(metavar="[V]", help="A version; default: the current one.")
    ] = "",
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Explain a version: its files, what they changed, the verdict, its provenance."""
    layout = workspace(root)
    name = named(layout, version) if version else current(layout)
    found = _collect(layout, name)
    if json:
        facts(found)
    else:
        _show(found)


def _collect(layout: Layout, version: str) -> Explanation:
    manifest = manifest_of(layout, version)
    report: JudgementReport | None
    try:
        report = json_module.loads((layout.version(version) / "report.json").read_bytes())
    except (OSError, ValueError):
        # Older versions have no report, nor those whose weights were removed.
        report = None
    jobs = (*manifest.job_ids, *earlier_jobs(manifest))
    misfits = [to_json_value(one) for one in read_saved(manifest.settings).misfits]
    return build_explanation(manifest, report, {job: _job(layout, job) for job in jobs}, misfits)


def _job(layout: Layout, job: str) -> JobFacts | None:
    """Return a job's name and the counts of its rows; None if it is gone."""
    place = find_job(layout, job)
    if place is None:
        return None
    try:
        name = escape(card_from_record(json_module.loads(place.job_file.read_bytes())).name)
    except (OSError, ValueError, KeyError, TypeError, Fault):
        name = job
    report = reports.read(place)
    return {"name": name, "rows": None if report is None else dict(report.rows)}


# --- for people -------------------------------------------------------------------------------


def _show(found: Explanation) -> None:
    verdict = found["verdict"]
    echo(f"{found['version']}: {verdict['kind']}", "bold")
    for reason in verdict["reasons"]:
        echo(f"- {reason}")
    if found["parent"] is None:
        return
    if not verdict["promotes"]:
        echo(f"It is not used: {ways_to_go_on(found['version'])}.")
    against = ", ".join(verdict["compared_with"]) or "nothing: there were no hold-out items"
    echo(f"It was trained from {found['parent']} and compared with {against}.")
    for note in found["notes"]:
        echo(f"Note: {note}.")
    _section("Its files", _files(found["files"]))
    _section("Files trained before", _earlier(found["earlier_files"]))
    _section("Scores", _scores([one for one in found["scores"] if one["main"]]))
    _section("Tests", _tests(found["tests"]))
    changed: ChangedAnswers = found["changed"] or {"to_right": (), "to_wrong": ()}
    where = f"models/versions/{found['version']}/report.html"
    _answers("From wrong to right", changed["to_right"], where)
    _answers("From right to wrong", changed["to_wrong"], where)
    _section("Provenance", _provenance(found["provenance"]))
    _section("Settings that this release reads differently", _settings(found["settings"]))


def _section(title: str, shown: Table) -> None:
    if shown.row_count:
        echo("")
        echo(title, "bold")
        out.print(shown)


def _files(files: Sequence[ExplainedFile]) -> Table:
    return table(
        ("file", "trained", "held out", "refused", "skipped", "loss", "right"),
        (
            (
                one["name"] or f"{one['job']} (removed)",
                one["rows"]["trained"],
                one["rows"]["held_out"],
                one["rows"]["refused"],
                one["rows"]["set_aside"],
                _moved(one["loss"]),
                _right(one["right"]),
            )
            for one in files
        ),
    )


def _earlier(files: Sequence[EarlierFile]) -> Table:
    return table(
        ("file", "items", "loss", "right"),
        (
            (
                one["name"] or f"{one['job']} (removed)",
                one["loss"]["items"] if one["loss"] is not None else None,
                _moved(one["loss"]),
                _right(one["right"]),
            )
            for one in files
        ),
    )


def _scores(scores: Sequence[ExplainedScore]) -> Table:
    return table(
        ("set", "items", "metric", "before", "after", "change"),
        (
            (
                set_title(one["set"]),
                one["items"],
                one["metric"].replace("_", " "),
                _number(one["before"]),
                _number(one["after"]),
                _change(one["change"]),
            )
            for one in scores
        ),
    )


def _tests(tests: Sequence[PairFigures]) -> Table:
    return table(
        ("set", "metric", "against", "items", "change", "p (better)", "p (worse)"),
        (
            (
                set_title(one["name"]),
                one.get("metric", "loss").replace("_", " "),
                one["against"],
                counted_items(one["items"], one.get("families")),
                _change(one["mean_change"]),
                f"{one['p_better']:.2g}",
                f"{one['p_worse']:.2g}",
            )
            for one in tests
        ),
    )


def _answers(title: str, changed: Sequence[JsonObject], where: str) -> None:
    if not changed:
        return
    echo("")
    echo(f"{title}: {len(changed)}", "bold")
    for one in changed[:SHOWN]:
        for name, key in (
            ("question", "question"),
            ("wanted", "golden"),
            ("before", "before"),
            ("after", "after"),
        ):
            echo(f"  {name:>8}: {one_line(str(one[key]), TEXT)}")
        echo("")
    if len(changed) > SHOWN:
        echo(f"  and {len(changed) - SHOWN} more, in {where}")


def _provenance(provenance: ExplainedProvenance) -> Table:
    libraries = provenance["libraries"] or {}
    unknown: EnergyFigures = {"joules": None, "reason": "it was not measured"}
    energy = provenance["energy"] or unknown
    joules = energy["joules"]
    phases = {name.removesuffix("_s"): took for name, took in (provenance["phases"] or {}).items()}
    rows = {
        "code": _code(provenance),
        "base": f"{provenance['base']} ({str(provenance['base_fingerprint'])[:DIGITS]})",
        "prefix": provenance["prefix"],
        "plain form": provenance["plain_form"],
        "libraries": ", ".join(f"{name} {its}" for name, its in libraries.items()) or None,
        "platform": provenance["platform"],
        "seeds": ", ".join(f"{name} {seed}" for name, seed in (provenance["seeds"] or {}).items()),
        "data": f"fingerprint {provenance['data_fingerprint']}",
        "steps": f"{provenance['step_in_run']} in this run, {provenance['step']} since the base",
        "optimizer": f"moments: {_moments(provenance)}",
        "time": f"{_number(provenance['duration_s'])} s",
        "by phase": ", ".join(f"{name} {took:.1f} s" for name, took in phases.items()) or None,
        "tokens": f"{provenance['tokens']}, {_number(provenance['tokens_per_s'])} per second",
        "energy": f"unknown: {energy['reason']}" if joules is None else f"{joules:.0f} J",
    }
    return table(("", ""), rows.items())


def _code(provenance: ExplainedProvenance) -> str:
    commit = provenance["git_commit"]
    if commit in (None, "unknown"):
        return "not from a git checkout"
    changed = {True: ", with uncommitted changes", False: "", None: ", perhaps with changes"}
    return f"commit {commit}{changed[provenance['git_dirty']]}"


def _settings(misfits: Sequence[SavedMisfit]) -> Table:
    dumps = json_module.dumps
    return table(
        ("setting", "saved", "used", "why"),
        (
            (one["setting"], dumps(one["saved"]), dumps(one["used"]), WORDS[one["why"]])
            for one in misfits
        ),
    )


def _moments(provenance: ExplainedProvenance) -> str:
    if provenance["start_moments"] and provenance["step_in_run"] == provenance["step"]:
        return "none; the run started from the untouched base"
    return provenance["start_moments"] or "unknown"


def _moved(loss: Moved | None) -> str | None:
    return None if loss is None else f"{_number(loss['before'])} → {_number(loss['after'])}"


def _right(right: Moved | None) -> str | None:
    return None if right is None else f"{right['before']} → {right['after']} of {right['items']}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _change(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.4f}"
