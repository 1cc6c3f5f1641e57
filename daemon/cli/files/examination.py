"""Runs intake on a file in a temporary folder, without a job."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

from daemon.analysis.charts import part, texts_of
from daemon.cli.files.base_model import prepared_base
from daemon.clock import SystemClock
from daemon.core.records import JsonObject
from daemon.core.rows.forms.names import FieldName
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import Version, ancestry, jobs_of, untrained_of
from daemon.errors import ModelFault, UserFault
from daemon.folders.models import bases, current_model
from daemon.folders.models.models import Models
from daemon.folders.queue.queue import Queue
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from daemon.settings import Settings
from daemon.settings_file import read_settings

if TYPE_CHECKING:
    from daemon.intake.outside import Compared
    from daemon.text.encoder import TextEncoder


@dataclass(frozen=True)
class Examination:
    """What intake found in a file, with the settings and the tokenizer it used."""

    report: JsonObject
    folder: JobLayout
    settings: Settings
    encoder: "TextEncoder"
    tokens: bool = True
    """Lengths in tokens are those of the base model; without it there are none."""


def ready_base(layout: Layout, settings: Settings) -> BaseFacts:
    """Return the base model that settings name.

    Raises:
        ModelFault: it is not ready.
    """
    facts = bases.read_facts(layout, settings.model)
    if facts is None:
        raise ModelFault(
            "model_not_ready",
            f"{settings.model} is not ready: the daemon prepares it when it first runs",
        )
    return facts


NO_WORKSPACE = (
    "this folder is not a workspace; 'finetuned init .' makes it one, and the base model is then "
    "made ready to count with"
)


@contextmanager
def examine_file(
    file: Path,
    layout: Layout | None,
    fresh: bool = False,
    fields: Mapping[FieldName, str] = {},
) -> Iterator[Examination]:
    """Yield the findings of intake on a file; its rows are removed at the end.

    With `fresh` it is examined as for a new lineage, which has trained on nothing yet. `fields`
    are names of keys for this file, as `submit --fields` gives them.

    The base model is prepared if necessary. Where that fails, or there is no workspace (`layout` is
    None), forms and duplicates are still reported, without lengths in tokens.

    Raises:
        UserFault: there is no such file.
    """
    if not file.is_file():
        raise UserFault("no_such_file", f"{file} is not there, or is not a regular file")
    with TemporaryDirectory(prefix="finetuned-") as scratch:
        empty, rows, text = (Path(mkdtemp(dir=scratch)) for _ in range(3))
        place = Layout(empty) if layout is None else layout
        settings = _settings(place, fields)
        if layout is None:
            encoder, missing = _stand_in(text), NO_WORKSPACE
        else:
            encoder, missing = _text_side(layout, settings, text)
        if missing:
            settings = _without_limit(settings)
        from daemon.intake.outside import examine

        compared = _compared(place, fresh)
        found = examine(file, rows, place, settings, encoder, compared, SystemClock())
        report = found.report | {"name": file.name}
        if missing:
            report = _without_tokens(report, missing)
        yield Examination(report, found.folder, found.settings, found.encoder, not missing)


def _settings(layout: Layout, fields: Mapping[FieldName, str]) -> Settings:
    """Return the settings of a workspace, with names of keys for one file."""
    settings = read_settings(layout.settings_file)
    if not fields:
        return settings
    intake = settings.intake.model_copy(update={"fields": dict(fields)})
    return settings.model_copy(update={"intake": intake})


def _compared(layout: Layout, fresh: bool) -> "Compared":
    """Return the jobs whose rows a file is compared with."""
    from daemon.intake.outside import Compared

    if not layout.queue.is_dir():  # The daemon has not run here yet.
        return Compared(fresh=fresh)
    chain = () if fresh else _lineage(layout)
    held = Queue(layout, SystemClock()).with_holdout()
    return Compared(jobs_of(chain), held, untrained_of(chain), fresh)


def _stand_in(scratch: Path) -> "TextEncoder":
    from daemon.intake.stand_in import stand_in

    return stand_in(scratch)


def _text_side(layout: Layout, settings: Settings, scratch: Path) -> tuple["TextEncoder", str]:
    """Return the base's encoder, or a stand-in and why it is needed."""
    from daemon.text.encoder import TextEncoder

    try:
        facts = prepared_base(layout, settings.model)
        return TextEncoder.load(layout.base(facts.name)), ""
    except ModelFault as fault:
        return _stand_in(scratch), fault.message


def _without_limit(settings: Settings) -> Settings:
    from daemon.intake.stand_in import LONGEST

    training = settings.training.model_copy(update={"max_row_tokens": LONGEST})
    return settings.model_copy(update={"training": training})


def _without_tokens(report: JsonObject, missing: str) -> JsonObject:
    """Return a report without the figures that need the base's own tokenizer and template."""
    statistics = part(report, "statistics")
    remaining = {key: statistics[key] for key in statistics if "tokens" not in key}
    warning = f"lengths in tokens, and which rows are too long, are unknown: {missing}"
    return report | {
        "tokens": {},
        "statistics": remaining,
        "fingerprints": {},
        "warnings": [*texts_of(report["warnings"]), warning],
    }


def _lineage(layout: Layout) -> tuple[Version, ...]:
    """Return the current version and those it comes from."""
    versions = Models(layout).versions()
    current = current_model.read(layout)
    return ancestry(current, versions) if current is not None else ()
