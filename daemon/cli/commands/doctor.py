"""`doctor`: checks the machine, the workspace and the settings; can rebuild the ledger."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from daemon.cli.checks.checks import DoctorCheck, machine_checks, workspace_checks
from daemon.cli.commands.doctor_gpu import Breaking, Gpu, Quick, check_gpu
from daemon.cli.output.screen import cell, echo, facts, out
from daemon.cli.place import HERE, Json, NoWorkspace, Root, workspace
from daemon.errors import ExitCode, SettingsFault, UserFault
from daemon.folders.settings_file import literal
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_file import read_settings
from daemon.settings_tables import Section

SIGNS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}


def doctor(
    rebuild_ledger: Annotated[
        bool,
        typer.Option(
            "--rebuild-ledger",
            help="Rebuild queue/ledger.sqlite3 from jobs, runs and versions, and do nothing else.",
        ),
    ] = False,
    gpu: Gpu = False,
    quick: Quick = False,
    breaking: Breaking = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Check the machine, the workspace and the settings."""
    if gpu:
        check_gpu(root, quick, breaking, json)
        return
    if quick or breaking:
        raise UserFault("only_with_gpu", "--quick and --break require --gpu")
    if rebuild_ledger:
        _rebuild_ledger(workspace(root), json)
        return
    layout, checks = _place(root)
    settings, problem = _settings(layout)
    checks += [*machine_checks(), *workspace_checks(layout, settings)]
    checks.append(DoctorCheck("settings", "wrong" if problem else "good", problem or "all valid"))
    well = all(check.state != "wrong" for check in checks)
    if json:
        listed = [vars(check) for check in checks]
        facts({"ok": well, "checks": listed, "settings": settings.model_dump(mode="json")})
    else:
        out.print(_settings_table(settings))
        out.print(_checks_table(checks))
        echo("no problems found" if well else "there are problems: see the lines marked ✗")
    if not well:
        raise typer.Exit(ExitCode.BLOCKED)


def _rebuild_ledger(layout: Layout, json: bool) -> None:
    from daemon.app import rebuild_ledger

    rebuilt = rebuild_ledger(layout.root)
    old = None if rebuilt.moved_to is None else str(rebuilt.moved_to)
    if json:
        lost = {"problems": rebuilt.problems, "lost": rebuilt.lost}
        facts({"ledger": str(layout.ledger), "rows": rebuilt.counts, "old": old, **lost})
        return
    counted = ", ".join(f"{count} {table}" for table, count in rebuilt.counts.items())
    echo(f"{layout.ledger} is rebuilt: {counted}")
    if old is not None:
        echo(f"the old one is now {old}")
    for sentence in (*rebuilt.problems, rebuilt.lost):
        if sentence is not None:
            echo(sentence, "yellow")


def _place(root: Path) -> tuple[Layout, list[DoctorCheck]]:
    try:
        return workspace(root), []
    except NoWorkspace as fault:
        return Layout(root.resolve()), [DoctorCheck("workspace", "warning", fault.message)]


def _settings(layout: Layout) -> tuple[Settings, str | None]:
    try:
        return read_settings(layout.settings_file), None
    except SettingsFault as fault:
        return Settings(), fault.message


def _checks_table(checks: list[DoctorCheck]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for check in checks:
        sign, style = SIGNS[check.state]
        table.add_row(Text(sign, style=style), cell(check.name), cell(check.finding))
    return table


def _settings_table(settings: Settings) -> Table:
    table = Table("setting", "value", "", box=None, padding=(0, 2, 0, 0))
    for name, value, changed in _flat(settings, ""):
        note = Text("changed", style="yellow") if changed else Text("")
        table.add_row(cell(name), cell(value), note)
    return table


def _flat(section: Section, prefix: str) -> list[tuple[str, Any, bool]]:
    rows: list[tuple[str, Any, bool]] = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            rows += _flat(value, f"{name}.")
        else:
            shown = "not set" if value is None else literal(value)
            rows.append((prefix + name, shown, value != field.default))
    own = section.model_extra or {}
    rows += [(prefix + name, literal(value), True) for name, value in own.items()]
    return rows
