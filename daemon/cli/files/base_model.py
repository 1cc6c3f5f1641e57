"""Prepares the base model for a command that needs its tokens, with a progress bar."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from daemon.clock import SystemClock
from daemon.core.workspace.bases import BaseFacts
from daemon.errors import ModelFault
from daemon.folders.disk import locks
from daemon.folders.models import bases
from daemon.layout import Layout

if TYPE_CHECKING:
    from daemon.model.interruption import Attend


def prepared_base(layout: Layout, model: str) -> BaseFacts:
    """Return the facts of a base model; prepares it here where no trainer runs.

    Raises:
        ModelFault: it cannot be prepared now; the message says why.
    """
    known = bases.read_facts(layout, model)
    if known is not None:
        return known
    lock = locks.acquire(layout.trainer_lock)
    if lock is None:
        raise ModelFault(
            "model_not_ready",
            f"the daemon that runs here has not prepared {model} yet; try again later",
        )
    try:
        from daemon.model.bases import prepare

        with _bar(f"preparing {model}, once") as attend:
            return prepare(layout, model, attend)
    except OSError as error:
        raise ModelFault("model_missing", f"{model} cannot be prepared: {error}") from error
    finally:
        lock.release()


@contextmanager
def _bar(doing: str) -> Iterator["Attend"]:
    """Show progress for as long as it takes; on stderr, so that stdout stays data."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with progress:
        task = progress.add_task(doing, total=None)

        def attend(doing: str, wait_s: float = 0.0) -> bool:
            progress.update(task, description=doing)
            if wait_s:
                SystemClock().sleep_s(wait_s)
            return False

        yield attend
