"""Takes a file in without the inbox, in a folder that is thrown away: what would become of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.clock import Clock
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

    report: dict[str, Any]
    folder: JobLayout
    """As an accepted job has it: `train.jsonl`, `holdout.jsonl`, `rejected.jsonl`."""
    settings: Settings
    """With the file's own laid over them."""
    encoder: TextEncoder
    """With the prefix they choose."""


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
    place.original.symlink_to(file.resolve())
    for ending, target in (
        (".valid.jsonl", place.holdout_original),
        (".settings.toml", place.own_settings),
    ):
        mate = file.with_name(file.name.removesuffix(".jsonl") + ending)
        if mate.is_file():
            target.symlink_to(mate.resolve())
    place.job_file.write_text(json.dumps({"name": file.name}))
    quiet = settings.intake.model_copy(update={"pictures": False})
    context = {
        "seen_jobs": list(compared.seen_jobs),
        "untrained_rows": records_of(compared.untrained),
        "holdout_jobs": list(compared.holdout_jobs),
        "fresh": compared.fresh,
        "settings": to_record(settings.model_copy(update={"intake": quiet})),
    }
    (scratch / "context.json").write_text(json.dumps(context))
    suites, families = Suites(layout.evals), JobFamilies(layout, merge=False)
    taking = Taking(layout, place, encoder, suites, families, clock, lambda rows: None, False)
    report = taking.take_in()
    return Examined(report, place, taking.settings, taking.encoder)
