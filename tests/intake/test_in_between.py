"""Two files in the hands of one intake worker: which of them is being read."""

from pathlib import Path

import pytest

from daemon.core.messages import IntakeProgress, Order, Report, Stop, TakeIn, TakenIn
from daemon.folders.queue import readings
from daemon.intake.__main__ import IntakeWorker, StopRequested
from daemon.intake.taking import Taking
from tests.intake.bench import Bench, pair


class Pipe:
    """Hands over orders once the first file is being read; notes what is read at each report."""

    closed = False

    def __init__(self, bench: Bench, orders: list[Order]) -> None:
        self._bench = bench
        self._orders = orders
        self.open: list[tuple[str, dict[str, bool]]] = []

    def send(self, report: Report) -> None:
        jobs = sorted(path.name for path in (self._bench.layout.queue / "incoming").iterdir())
        places = {job: self._bench.layout.job("incoming", job) for job in jobs}
        now = {job: readings.load(place).open for job, place in places.items()}
        assert isinstance(report, TakenIn | IntakeProgress)
        self.open.append((f"{type(report).__name__} {report.job}", now))

    def poll(self) -> Order | None:
        return self._orders.pop(0) if self._orders else None


def make(bench: Bench, job: str, rows: int) -> None:
    """Make a job that waits to be taken in."""
    bench.take_in([pair(n) for n in range(rows)])
    place = bench.layout.job("incoming", job)
    bench.place.folder.rename(place.folder)
    place.report.unlink()


def worker(bench: Bench, pipe: Pipe) -> IntakeWorker:
    return IntakeWorker(bench.layout, pipe)  # type: ignore[arg-type]


def test_a_file_is_noted_as_read_only_while_it_is_read(tmp_path: Path) -> None:
    """Fault Q5: of two files held at once, the one set aside was blamed as well."""
    bench = Bench(tmp_path)
    make(bench, "000010-huge", 200)
    make(bench, "000011-small", 3)
    pipe = Pipe(bench, [TakeIn("000011-small")])
    worker(bench, pipe).take_in("000010-huge")
    during = dict(pipe.open)
    assert during["TakenIn 000011-small"] == {"000010-huge": False, "000011-small": True}
    assert during["TakenIn 000010-huge"]["000010-huge"]
    assert readings.load(bench.layout.job("incoming", "000010-huge")).begun == 1


def test_a_reading_that_the_worker_broke_off_is_still_noted(tmp_path: Path) -> None:
    """Whether its daemon was killed or told it to stop, the daemon knows that lives."""
    bench = Bench(tmp_path)
    make(bench, "000010-a", 200)
    with pytest.raises(StopRequested):
        worker(bench, Pipe(bench, [Stop()])).take_in("000010-a")
    assert readings.load(bench.layout.job("incoming", "000010-a")).open


def test_a_worker_that_is_killed_over_other_jobs_rows_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault Q5: to make their keys ready may take longer than a daemon lives."""
    bench = Bench(tmp_path)
    make(bench, "000010-a", 3)

    def killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(Taking, "_elsewhere", killed)
    with pytest.raises(SystemExit):
        worker(bench, Pipe(bench, [])).take_in("000010-a")
    assert readings.load(bench.layout.job("incoming", "000010-a")).begun == 0
