"""Runs intake on a file in a temporary folder, as `preview` and the `data` commands do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from daemon.clock import Clock
from daemon.core.records import JsonObject, to_json_value
from daemon.core.workspace.file_names import OWN_SETTINGS, grouped, owner_of, shared_stem
from daemon.core.workspace.intake_context import IntakeContext
from daemon.core.workspace.untrained import Untrained, records_of
from daemon.dedup.family_index import JobFamilies
from daemon.dedup.suites import Suites
from daemon.intake.taking import Taking
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings import Settings
from daemon.settings_records import to_record
from daemon.text.encoder import TextEncoder


@dataclass(frozen=True)
class Compared:
    """What a file is compared with."""

    seen_jobs: Sequence[str] = ()
    holdout_jobs: Sequence[str] = ()
    untrained: Mapping[str, Untrained] = field(default_factory=dict)
    """Rows of the seen jobs that do not count as seen."""
    fresh: bool = False
    """As a new lineage would: what was given to training may be held out."""


@dataclass(frozen=True)
class Examined:
    """What would have happened."""

    report: JsonObject
    folder: JobLayout
    """As an accepted job has it: `train.jsonl`, `holdout.jsonl`, `rejected.jsonl`."""
    settings: Settings
    """With the file's own laid over them."""
    encoder: TextEncoder
    """With the prefix they choose."""


def _files(file: Path, place: JobLayout) -> Iterator[tuple[Path, Path]]:
    """Give a file and what belongs to it beside it, each with where a job has it."""
    yield file, place.named_as("main", file.name)
    beside = (p.name for p in file.parent.iterdir() if p.name == file.name or owner_of(p.name))
    group = grouped([name for name in beside if file.with_name(name).is_file()]).get(file.name)
    if group is not None:
        for part, name in group.parts.items():
            yield file.with_name(name), place.named_as(part, name)
    own = file.with_name(shared_stem(file.name) + OWN_SETTINGS)
    if own.is_file():
        yield own, place.own_settings


def examine(
    file: Path,
    scratch: Path,
    layout: Layout,
    settings: Settings,
    encoder: TextEncoder,
    compared: Compared,
    clock: Clock,
) -> Examined:
    """Take a file in as the daemon would; `scratch` is an empty folder, the file is only read."""
    place = JobLayout(scratch)
    for source, target in _files(file, place):
        target.symlink_to(source.resolve())
    place.job_file.write_text(json.dumps({"name": file.name}))
    quiet = settings.intake.model_copy(update={"pictures": False})
    context = IntakeContext(
        seen_jobs=tuple(compared.seen_jobs),
        untrained_rows=records_of(compared.untrained),
        holdout_jobs=tuple(compared.holdout_jobs),
        settings=to_record(settings.model_copy(update={"intake": quiet})),
        fresh=compared.fresh,
    )
    (scratch / "context.json").write_text(json.dumps(to_json_value(context)))
    suites, families = Suites(layout.evals), JobFamilies(layout, merge=False)
    taking = Taking(layout, place, encoder, suites, families, clock, lambda rows: None, False)
    report = taking.take_in()
    return Examined(report, place, taking.settings, taking.encoder)
