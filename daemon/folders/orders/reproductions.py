"""What lies in a reproduction's directory beside what every order has: the run done again."""

from pathlib import Path

from daemon.core.evaluation.reproduction import ReproductionRequest
from daemon.folders.disk import atomic
from daemon.folders.disk.record_files import write_record
from daemon.layout import OrderLayout, ReproductionLayout


def fill(built: OrderLayout, version: Path, request: ReproductionRequest) -> None:
    """Give a new reproduction its request and the frozen choices that its version carries.

    Raises:
        FileNotFoundError: the version carries none.
    """
    run = ReproductionLayout(built.folder).run
    atomic.make_directory(run.folder)
    atomic.copy_file(version / run.frozen.name, run.frozen)
    for beside in (run.ladder, run.stopped):
        if (version / beside.name).exists():
            atomic.copy_file(version / beside.name, beside)
    write_record(built.request, request)


def remove_run(place: ReproductionLayout) -> None:
    """Remove the run done again: where all is the same, the version has it."""
    atomic.remove_directory(place.run.folder)
