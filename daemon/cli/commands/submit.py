"""`submit`: copies files into the inbox atomically; the daemon checks what they contain."""

import os
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.files.follow import Followed, Follower
from daemon.cli.output.screen import echo, facts
from daemon.cli.place import HERE, JobFailed, Json, NotRunning, Root, alive, how_to_start, workspace
from daemon.clock import SystemClock
from daemon.core.records import JsonObject
from daemon.core.rows.forms.names import FIELD_NAMES, FieldName
from daemon.core.workspace.file_names import (
    BESIDE,
    OWN_SETTINGS,
    TRAIN,
    ending_of,
    owner_of,
    part_beside,
    shared_stem,
    stem_of,
)
from daemon.core.workspace.jobs import Priority
from daemon.errors import SettingsFault, UserFault
from daemon.folders.inbox import drops
from daemon.folders.inbox.inbox import FOLDERS
from daemon.folders.settings_file import render_own
from daemon.layout import Layout
from daemon.settings import Settings
from daemon.settings_file import parse_own, read_settings, with_own

if TYPE_CHECKING:
    from daemon.core.rows.refusal import Bad
    from daemon.files.kinds import FileKind

OwnNames = Annotated[
    str | None,
    typer.Option(
        "--fields", help="Own names of keys: prompt=query,completion=reply", metavar="NAME=KEY,…"
    ),
]

USES = ("train", "holdout", "exam")
LONGEST_STEM = 200
"""In bytes; with suffixes and a temporary prefix the name stays within 255."""


def submit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files of rows.")],
    priority: Annotated[str, typer.Option(help="high, normal or low.")] = "normal",
    holdout: Annotated[
        Path | None,
        typer.Option(help="The file's own hold-out, instead of a split.", metavar="FILE"),
    ] = None,
    use: Annotated[
        str | None,
        typer.Option(
            "--as", help="train, holdout or exam, whatever the file is called.", metavar="USE"
        ),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting for this job: training.epochs=3", metavar="KEY=VALUE"
        ),
    ] = None,
    fields: OwnNames = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until the end.")] = False,
    root: Root = HERE,
    json: Json = False,
) -> None:
    """Drop files into the inbox, safely."""
    layout = workspace(root)
    level = _priority(priority)
    names = named_fields(fields)
    _own_settings(layout, {}, own or [], names)
    drop_as = _use(use, holdout)
    _check(files, holdout, names or read_settings(layout.settings_file).intake.fields)
    if wait and alive(layout) is None:
        raise NotRunning("not_running", f"not submitted: {how_to_start(layout)}")
    follower = Follower(layout, SystemClock())
    for path, parts in _together(files, holdout, drop_as):
        settings = _own_settings(layout, _settings_beside(path), own or [], names)
        follower.files.append(drop(layout, path, level, parts, settings))
    if wait:
        follower.until_ended()
    _report(layout, follower.files, wait, json)


def _priority(name: str) -> Priority:
    for priority in FOLDERS:
        if name == priority:
            return priority
    raise typer.BadParameter(f"{name} is none of {', '.join(FOLDERS)}", param_hint="--priority")


def named_fields(text: str | None) -> dict[FieldName, str]:
    """Return the user's names of keys that `--fields` gives."""
    found: dict[FieldName, str] = {}
    for pair in filter(None, (text or "").split(",")):
        name, equals, key = (part.strip() for part in pair.partition("="))
        if not (equals and name and key):
            raise typer.BadParameter(
                f"{pair} is not NAME=KEY, as in prompt=query,completion=reply",
                param_hint="--fields",
            )
        known = next((field for field in FIELD_NAMES if field == name), None)
        if known is None:
            names = ", ".join(FIELD_NAMES)
            raise typer.BadParameter(f"{name} is none of {names}", param_hint="--fields")
        found[known] = key
    return found


def _settings_beside(path: Path) -> JsonObject:
    """Return the settings in the file's own `NAME.settings.toml`, as `preview` reads them too."""
    beside = path.with_name(shared_stem(path.name) + OWN_SETTINGS)
    if not beside.is_file():
        return {}
    try:
        own = parse_own(beside.read_text(encoding="utf-8"))
        with_own(Settings(), own)
    except (SettingsFault, UnicodeDecodeError) as fault:
        raise UserFault("bad_own_settings", f"{beside}: {fault}") from fault
    return own


def _own_settings(
    layout: Layout, beside: JsonObject, pairs: list[str], fields: dict[FieldName, str]
) -> str:
    """Return a job's own settings as TOML, once they have been found usable.

    Options of the command override what its file of settings says.
    """
    own: dict[str, Any] = deepcopy(beside)
    if fields:
        own["intake"] = {**own.get("intake", {}), "fields": fields}
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


def _use(word: str | None, holdout: Path | None) -> str | None:
    if word is not None and word not in USES:
        raise typer.BadParameter(f"{word} is none of {', '.join(USES)}", param_hint="--as")
    if word in USES[1:] and holdout is not None:
        raise typer.BadParameter("belongs to a file to train from", param_hint="--holdout")
    return word


def _check(files: list[Path], holdout: Path | None, names: Mapping[FieldName, str]) -> None:
    if holdout is not None and len(files) > 1:
        raise typer.BadParameter("belongs to a single file; name only one", param_hint="--holdout")
    from daemon.core.rows.refusal import Bad
    from daemon.files.kinds import kind_of

    for path in (*files, *([holdout] if holdout else [])):
        if not path.is_file():
            raise UserFault("no_such_file", f"{path} is not there, or is not a regular file")
        found = kind_of(path, frozenset(names.values()))
        if isinstance(found, Bad) and found.code != "empty":
            raise UserFault("unknown_format", f"{path}: {found.message}; {found.hint}")
        if not ending_of(path.name) and not _begins_a_row(path, found):
            raise UserFault(
                "unknown_format", f"{path} has no rows, and its name has no known ending"
            )


def _begins_a_row(path: Path, found: "FileKind | Bad") -> bool:
    """Return whether a file without a known ending has known content."""
    with path.open("rb") as file:
        head = file.read(1024)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") or (
        str(found) != "JSON lines"
    )


Parts = dict[str, Path | None]
"""A file and its companions, by role; the main one is empty if there is none."""


def _together(files: list[Path], holdout: Path | None, use: str | None) -> list[tuple[Path, Parts]]:
    """Return each file to drop with its companions."""
    if use in USES[1:]:
        return [
            (path, {"main": None, {"holdout": "valid", "exam": "test"}[use]: path})
            for path in files
        ]
    owners = {path: None if use else owner_of(path.name) for path in files}
    mains = {path: Parts() for path in files if owners[path] is None}
    for path, owner in owners.items():
        if owner is None:
            continue
        main = next((m for m in mains if shared_stem(m.name) == owner[0]), None)
        if main is None:
            raise UserFault("not_to_train", _alone(path, owner[0]))
        mains[main][owner[1]] = path
    for parts in mains.values():
        parts |= {"valid": holdout} if holdout else {}
    return list(mains.items())


def _alone(path: Path, stem: str) -> str:
    whose = "a training file" if stem == TRAIN else stem
    return (
        f"{path} is by its name for measuring {whose}, and is never trained: give both, "
        "or say --as train, --as holdout or --as exam"
    )


def drop(
    layout: Layout,
    path: Path,
    priority: Priority,
    parts: Parts,
    settings: str,
    name: str | None = None,
) -> Followed:
    """Put one file into the inbox with its companions; nothing there is ever overwritten.

    With `name`, the file counts as one of that name.
    """
    folder, name = layout.inbox / FOLDERS[priority], name or path.name
    stem = os.fsencode(stem_of(name))[:LONGEST_STEM].decode("utf-8", "ignore")
    # With a leading dot the daemon would not treat it as a training file.
    stem, ending = stem.lstrip(".") or "file", ending_of(name) or ".jsonl"
    if owner_of(stem + ending) is not None:
        # Nor would it with the name of a hold-out or exam.
        stem = f"{stem.replace('.', '-')}-rows"
    if shared_stem(stem + ending) == TRAIN and stem != TRAIN:
        stem = TRAIN
    free = drops.free_stem(folder, stem, BESIDE)
    if any(os.path.lexists(folder / name) for name in _names(free + ending, parts)):
        free = drops.free_stem(folder, f"{stem}-2", BESIDE)
    return _put(folder, free, ending, path, parts, settings)


def _names(main: str, parts: Parts) -> dict[str, Path]:
    """Return the files that belong to a main one, by their names in the inbox."""
    return {
        part_beside(main, part, ending_of(source.name) or ".jsonl"): source
        for part, source in parts.items()
        if source is not None
    }


def _put(folder: Path, stem: str, ending: str, path: Path, parts: Parts, settings: str) -> Followed:
    main = stem + ending
    writers = {name: drops.copy_of(source) for name, source in _names(main, parts).items()}
    if settings:
        writers[f"{stem}{OWN_SETTINGS}"] = drops.text_of(settings)
    writers[main] = drops.text_of("") if "main" in parts else drops.copy_of(path)
    found = drops.put(folder, writers)
    return Followed(main, found.st_ino, found.st_mtime_ns)


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
        names = ", ".join(followed.job or followed.name for followed in failed)
        raise JobFailed("job_failed", f"not trained: {names}")


def _report_one(layout: Layout, followed: Followed, waited: bool) -> None:
    if not waited:
        echo(f"{followed.name} is in the inbox")
        return
    echo(followed.message or followed.name)
    for sentence in report_of(layout, followed):
        if sentence not in followed.message:
            echo(f"  {sentence}")


def report_of(layout: Layout, followed: Followed) -> list[str]:
    """Return what intake found in a file, in sentences."""
    from daemon.folders.queue import reports
    from daemon.folders.queue.queue import find_job

    place = find_job(layout, followed.job) if followed.job else None
    report = reports.read(place) if place is not None else None
    return reports.describe(report) if report is not None else []
