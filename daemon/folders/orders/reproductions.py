"""The files of a reproduction's directory: the request and the repeated run."""

from pathlib import Path

from daemon.core.evaluation.reproduction import ReproductionRequest
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import write_record
from daemon.layout import OrderLayout, ReproductionLayout


def fill(built: OrderLayout, version: Path, request: ReproductionRequest) -> None:
    """Write the request of a new reproduction, and the frozen choices stored with its version.

    Raises:
        FileNotFoundError: none are stored with it.
    """
    run = ReproductionLayout(built.folder).run
    atomic.make_directory(run.folder)
    atomic.copy_file(version / run.frozen.name, run.frozen)
    for beside in (run.ladder, run.stopped):
        if (version / beside.name).exists():
            atomic.copy_file(version / beside.name, beside)
    write_record(built.request, request)


def remove_run(place: ReproductionLayout) -> None:
    """Remove the repeated run, which the version has already if all is the same."""
    atomic.remove_directory(place.run.folder)
