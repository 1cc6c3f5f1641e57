"""`submit`: copies files into the inbox atomically; the daemon checks what they contain."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.cli.files.follow import Followed, Follower
from daemon.cli.output.screen import echo, facts
from daemon.cli.place import HERE, JobFailed, Json, NotRunning, Root, alive, how_to_start, workspace
from daemon.clock import SystemClock
from daemon.core.workspace.jobs import Priority
from daemon.errors import UserFault
from daemon.folders.inbox import drops
from daemon.folders.inbox.inbox import FOLDERS, HOLDOUT, OWN_SETTINGS
from daemon.folders.settings_file import render_own
from daemon.layout import Layout
from daemon.settings_file import read_settings, with_own

CONVERTED = (".json", ".csv", ".parquet")
LONGEST_STEM = 200
"""In bytes; with suffixes and a temporary prefix the name stays within 255."""


def submit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="JSONL, JSON, CSV, Parquet.")],
    priority: Annotated[str, typer.Option(help="high, normal or low.")] = "normal",
    holdout: Annotated[
        Path | None,
        typer.Option(help="The file's own hold-out, instead of a split.", metavar="FILE"),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting for this job: training.epochs=3", metavar="KEY=VALUE"
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until the end.")] = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Drop files into the inbox, safely."""
    layout = workspace(root)
    level = _priority(priority)
    settings = _own_settings(layout, own or [])
    _check(files, holdout)
    if wait and alive(layout) is None:
        raise NotRunning("not_running", f"nothing was submitted: {how_to_start(layout)}")
    follower = Follower(layout, SystemClock())
    for path in files:
        follower.files.append(drop(layout, path, level, holdout, settings))
    if wait:
        follower.until_ended()
    _report(layout, follower.files, wait, json)


def _priority(name: str) -> Priority:
    for priority in FOLDERS:
        if name == priority:
            return priority
    raise typer.BadParameter(f"{name} is none of {', '.join(FOLDERS)}", param_hint="--priority")


def _own_settings(layout: Layout, pairs: list[str]) -> str:
    """Return a job's own settings as TOML, validated."""
    own: dict[str, dict[str, Any]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot and key):
            raise typer.BadParameter(f"{pair} is not section.key=value", param_hint="--set")
        own.setdefault(section, {})[key] = _value(value.strip())
    with_own(read_settings(layout.settings_file), own)
    return render_own(own) if own else ""


def _value(text: str) -> Any:
    """Parse a value as TOML; anything else is an unquoted string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _check(files: list[Path], holdout: Path | None) -> None:
    if holdout is not None and len(files) > 1:
        raise typer.BadParameter("belongs to one file; give one", param_hint="--holdout")
    for path in (*files, *([holdout] if holdout else [])):
        if not path.is_file():
            raise UserFault("no_such_file", f"{path} is not there, or is not a regular file")
        if path.suffix.lower() not in (".jsonl", *CONVERTED):
            endings = ", ".join((".jsonl", *CONVERTED))
            raise UserFault("unknown_format", f"{path} ends in none of {endings}")


def drop(
    layout: Layout, path: Path, priority: Priority, holdout: Path | None, settings: str
) -> Followed:
    """Put one file into the inbox with its companions; nothing there is ever overwritten."""
    folder = layout.inbox / FOLDERS[priority]
    stem = os.fsencode(path.stem)[:LONGEST_STEM].decode("utf-8", "ignore")
    # With a leading dot or a hold-out's suffix the daemon would not see a training file.
    stem = stem.lstrip(".").removesuffix(HOLDOUT.removesuffix(".jsonl")) or "file"
    stem = drops.free_stem(folder, stem, (".jsonl", HOLDOUT, OWN_SETTINGS))
    writers: dict[str, drops.Writer] = {}
    if holdout is not None:
        writers[f"{stem}{HOLDOUT}"] = _writer(holdout)
    if settings:
        writers[f"{stem}{OWN_SETTINGS}"] = drops.text_of(settings)
    writers[f"{stem}.jsonl"] = _writer(path)
    found = drops.put(folder, writers)
    return Followed(f"{stem}.jsonl", found.st_ino, found.st_mtime_ns)


def _writer(path: Path) -> drops.Writer:
    if path.suffix.lower() not in CONVERTED:
        return drops.copy_of(path)
    from daemon.intake.convert import convert

    def write(target: Path) -> None:
        convert(path, target)

    return write


def _report(layout: Layout, files: list[Followed], waited: bool, json: bool) -> None:
    if json:
        facts([vars(followed) for followed in files])
    else:
        for followed in files:
            _report_one(layout, followed, waited)
    if not waited and not json and alive(layout) is None:
        echo(how_to_start(layout))
    failed = [followed for followed in files if followed.state in ("failed", "skipped")]
    if failed:
        raise JobFailed("job_failed", "; ".join(followed.message for followed in failed))


def _report_one(layout: Layout, followed: Followed, waited: bool) -> None:
    if not waited:
        echo(f"{followed.name} lies in the inbox")
        return
    echo(followed.message or followed.name)
    for sentence in report_of(layout, followed):
        echo(f"  {sentence}")


def report_of(layout: Layout, followed: Followed) -> list[str]:
    """Return what intake found in a file, in sentences."""
    from daemon.folders.queue import reports
    from daemon.folders.queue.queue import find_job

    place = find_job(layout, followed.job) if followed.job else None
    report = reports.read(place) if place is not None else None
    return reports.describe(report) if report is not None else []
