"""Runs intake on a file in a temporary folder, without a job."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from daemon.clock import SystemClock
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
    from daemon.text.encoder import TextEncoder


@dataclass(frozen=True)
class Examination:
    """What intake found in a file, with the settings and the tokenizer it used."""

    report: dict[str, Any]
    folder: JobLayout
    settings: Settings
    encoder: "TextEncoder"


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


@contextmanager
def examine_file(file: Path, layout: Layout, fresh: bool = False) -> Iterator[Examination]:
    """Yield what intake would make of a file; its rows are removed at the end.

    With `fresh` it is examined as for a new lineage, which has trained on nothing yet.

    Raises:
        UserFault: there is no such file.
        ModelFault: the base model is not ready.
    """
    if not file.is_file():
        raise UserFault("no_such_file", f"{file} is not there, or is not a regular file")
    settings = read_settings(layout.settings_file)
    facts = ready_base(layout, settings)
    from daemon.intake.outside import Compared, examine
    from daemon.text.encoder import TextEncoder

    encoder = TextEncoder.load(layout.base(facts.name))
    clock = SystemClock()
    chain = () if fresh else _lineage(layout)
    held = Queue(layout, clock).with_holdout()
    compared = Compared(jobs_of(chain), held, untrained_of(chain), fresh)
    with TemporaryDirectory(prefix="finetuned-") as scratch:
        found = examine(file, Path(scratch), layout, settings, encoder, compared, clock)
        report = found.report | {"name": file.name}
        yield Examination(report, found.folder, found.settings, found.encoder)


def _lineage(layout: Layout) -> tuple[Version, ...]:
    """Return the current version and those it comes from."""
    versions = Models(layout).versions()
    current = current_model.read(layout)
    return ancestry(current, versions) if current is not None else ()
