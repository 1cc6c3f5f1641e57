"""Finds and reads training records as learning curves: of files, versions, runs or a workspace."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.core.curves.curve_lines import read_lines
from daemon.core.curves.curves import Curve, Probe
from daemon.core.curves.log_runs import runs_in_log
from daemon.core.records import JsonObject
from daemon.core.training.manifests import Manifest
from daemon.core.training.probes import probes_of
from daemon.errors import UserFault
from daemon.folders.disk.record_files import read_record
from daemon.layout import Layout

METRICS = "training_metrics.json"
STATE = "training_state.json"
EVOLUTION = "evolution.jsonl"
MANIFEST = "manifest.json"
LONGEST_LINE = 2**20
"""Most bytes of a line; the rest of a longer one counts as further, damaged lines."""
Evaluations = Mapping[str, Sequence[tuple[int, float]]]
"""Validation losses by run, from the ledger."""


def of_path(path: Path) -> list[Curve]:
    """Return the curves in a file: a metrics file of ours or others, or a saved log of mlx-lm.

    For a version's own file, the validation losses come from the state beside it.

    Raises:
        UserFault: there is no such file, or it has no step.
    """
    if not path.is_file():
        raise UserFault("no_such_file", f"{path} does not exist, or is not a regular file")
    found = read_lines(_lines([path]), path.name)
    if not found:
        raise UserFault(
            "no_curve",
            f"{path} has no training step: expected a metrics.jsonl, a version's {METRICS}, a "
            "daemon's log or a saved log of mlx-lm",
        )
    if len(found) > 1 or path.suffix != ".json":
        return found
    own = _own_validation(path)
    if own is not None:
        return [replace(found[0], validation=own)]
    return [_with_state(found[0], path.with_name(STATE))] if path.name == METRICS else found


def runs_named_in(path: Path) -> tuple[str, ...] | None:
    """Return the runs that a log of the daemon names; None if a file is no such log."""
    return runs_in_log(_lines([path])) if path.is_file() else None


def of_runs(layout: Layout, runs: Sequence[str], evaluations: Evaluations) -> list[Curve]:
    """Return the curves of some runs, in that order; one of which nothing is left has no steps."""
    known = {curve.run: curve for curve in of_workspace(layout, evaluations)}
    gone = "its version and metrics no longer exist, or it has no step"
    return [known.get(run) or Curve(run, (), run=run, notes=(gone,)) for run in runs]


def of_version(layout: Layout, version: str) -> Curve:
    """Return the curve of the run that a version was sealed from.

    Raises:
        UserFault: there is no such version, or it has no steps.
    """
    folder = layout.version(version)
    if not folder.is_dir():
        raise UserFault("no_such_version", f"{version} is not in {layout.versions}")
    path = folder / METRICS
    if not path.is_file():
        raise UserFault(
            "no_metrics", f"{version} has no {METRICS}: it is the untouched base, or was pruned"
        )
    curve = of_path(path)[0]
    manifest = _manifest(folder)
    return replace(
        curve,
        name=version,
        version=version,
        run=manifest.run if manifest is not None and manifest.run else curve.run,
        files=manifest.job_ids if manifest is not None and manifest.job_ids else curve.files,
    )


def of_run(layout: Layout, run: str, evaluations: Evaluations) -> Curve:
    """Return the curve of a run, of the version sealed from it if there is one.

    Raises:
        UserFault: nothing is known of it.
    """
    for curve in of_workspace(layout, evaluations):
        if curve.run == run:
            return curve
    raise UserFault(
        "no_such_run",
        f"no step of {run} is known: it is neither in {layout.runs}, nor in {layout.metrics_file}, "
        "nor was a version sealed from it",
    )


def of_workspace(layout: Layout, evaluations: Evaluations) -> list[Curve]:
    """Return the curves of all versions and of the runs without one, oldest first."""
    sealed = [_sealed(layout, name) for name in _versions(layout)]
    known = {curve.run for curve in sealed}
    open_runs: dict[str, Curve] = {}
    files = [*_rotated(layout.metrics_file), *sorted(layout.runs.glob("r*/metrics.jsonl"))]
    for curve in read_lines(_lines(files), "status"):
        if curve.run is not None and curve.run not in known and curve.points:
            open_runs[curve.run] = replace(
                curve, name=curve.run, validation=_by_step(evaluations.get(curve.run, ()))
            )
    return sorted([*sealed, *open_runs.values()], key=lambda curve: curve.run or "")


def _sealed(layout: Layout, version: str) -> Curve:
    try:
        return of_version(layout, version)
    except UserFault as fault:
        return Curve(version, (), version=version, notes=(fault.message,))


def probes(layout: Layout, curve: Curve) -> tuple[list[Probe], int]:
    """Return the probes of a curve's run, and how many of their lines are damaged.

    A curve from elsewhere has none, nor a run without a version or directory.
    """
    if curve.version is not None:
        path = layout.version(curve.version) / EVOLUTION
    elif curve.run is not None:
        path = layout.run(curve.run).evolution
    else:
        return [], 0
    return probes_of(map(_parsed, _lines([path] if path.is_file() else [])))


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def latest(layout: Layout, current: str | None) -> str:
    """Return the default subject: the current run, or else the current version.

    Raises:
        UserFault: nothing has been trained yet.
    """
    runs = sorted(path.parent.name for path in layout.runs.glob("r*/metrics.jsonl"))
    if runs:
        return runs[-1]
    if current is None or not (layout.version(current) / METRICS).is_file():
        raise UserFault("nothing_trained", "nothing has been trained yet: name a file or a run")
    return current


def _versions(layout: Layout) -> list[str]:
    found = sorted(layout.versions.glob(f"v*/{METRICS}"))
    return [path.parent.name for path in found]


def _rotated(path: Path) -> list[Path]:
    """Return a file and its rotated predecessors, oldest first."""
    older = [other for other in path.parent.glob(f"{path.name}.*") if other.suffix[1:].isdecimal()]
    older.sort(key=lambda other: -int(other.suffix[1:]))
    return [*older, *([path] if path.is_file() else [])]


def _lines(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while line := file.readline(LONGEST_LINE):
                yield line


def _own_validation(path: Path) -> tuple[tuple[int, float], ...] | None:
    """Return the validation losses in a metrics file; None in one that is a bare list of steps."""
    found: JsonObject = {}
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b'"steps"'):
                break
            if line.startswith(b'"val_'):
                found |= _parsed(b"{" + line.strip().rstrip(b",") + b"}") or {}
    steps, losses = found.get("val_iterations"), found.get("val_loss")
    if not isinstance(steps, list) or not isinstance(losses, list):
        return None
    return _by_step(zip(steps, losses, strict=False))


def _with_state(curve: Curve, path: Path) -> Curve:
    try:
        record = json.loads(path.read_bytes())
        pairs = [(int(step), float(loss)) for step, loss in record.get("validation", ())]
    except FileNotFoundError:
        return curve
    except (OSError, ValueError, TypeError, AttributeError) as error:
        note = f"the validation losses are missing: {STATE} cannot be read ({error})"
        return replace(curve, notes=(*curve.notes, note))
    return replace(curve, validation=_by_step(pairs))


def _manifest(folder: Path) -> Manifest | None:
    try:
        return read_record(folder / MANIFEST, Manifest)
    except (OSError, ValueError):
        return None


def _by_step(pairs: Iterable[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    return tuple(sorted(dict(pairs).items()))
