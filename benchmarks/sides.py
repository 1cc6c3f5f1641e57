"""Starts the sides of a comparison, each in a process of its own; computes nothing itself."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import real_rows
from benchmarks.cases import Case
from benchmarks.task import Report, Task

ROOT = Path(__file__).resolve().parent.parent
WARM_ROWS = 20


class Bench:
    """One case in a folder of its own."""

    def __init__(self, folder: Path, prepared: dict[str, Any], case: Case, quick: bool) -> None:
        self._folder = folder
        self._prepared = prepared
        self._case = case
        self._count = 0
        folder.mkdir()
        self._rows = folder / "rows.jsonl"
        self._requests = folder / "requests.jsonl"
        rows = case.rows(quick)
        real_rows.write(rows, self._rows)
        requests = [one for row in rows for one in real_rows.as_requests(row)]
        real_rows.write(requests, self._requests)
        self.steps_of_epoch = len(rows) // case.batch_rows
        logged = requests if case.kind == "dropped file" else rows
        if len(logged) % case.batch_rows:
            raise ValueError(f"{case.name}: mlx-lm would leave out {len(logged)} mod batch rows")

    # --- sides --------------------------------------------------------------------------------

    def ours(self, seed: int) -> tuple[Report, Task]:
        """Train with this package; for a dropped file with the whole daemon."""
        task = self._task(seed)
        if self._case.kind in ("dropped file", "command"):
            warm = self._folder / "warm.jsonl"
            faq = real_rows.questions()[400 : 400 + WARM_ROWS]
            real_rows.write([real_rows.chat((asked, answer)) for _, asked, answer in faq], warm)
            asked = replace(task, rows=str(self._logged()))
            if self._case.kind == "command":
                asked = replace(asked, resume="kept")
            self._start("daemon_side", asked, str(warm))
        else:
            self._start("our_side", task)
        return Report.read(task.report), task

    def theirs(self, seed: int, ours: Task) -> tuple[Report, Task]:
        """Train with mlx-lm; `ours` is what this package did before."""
        case, task = self._case, self._task(seed)
        task = replace(task, rows=str(self._logged()))
        if case.as_installed and not self._prepared["gpu"]:
            task = replace(
                task, base=self._prepared["shipped"], openblas=False, dtype="shipped (4-bit)"
            )
        if case.kind == "limit":
            row_tokens = Report.read(ours.report).row_tokens
            self._start("forward_side", replace(task, row_tokens=row_tokens))
        elif case.kind == "command":
            resume = str(Path(ours.adapters) / "adapters.safetensors")
            seconds = self._start("their_command", replace(task, resume=resume))
            return Report([seconds], [], []), task
        else:
            self._start("their_side", task)
        return Report.read(task.report), task

    def gate(self) -> float:
        """Return how far our gradient is from the reference, as a share of it."""
        task = self._task(1)
        requests = []
        if self._case.kind == "dropped file":
            file = self._folder / "gate.json"
            replace(task, rows=str(self._requests)).write(file)
            requests = [str(file)]
        self._start("gate", task, *requests)
        found = json.loads(Path(task.report).read_text(encoding="utf-8"))
        if found["tokens"][0] != found["tokens"][1]:
            raise RuntimeError(f"{self._case.name}: the loss counts {found['tokens']} tokens")
        return float(found["difference"])

    def final_losses(self, tasks: list[Task]) -> list[float]:
        """Return the mean loss of the rows with each task's adapter, and with none."""
        task = self._task(1)
        self._start("final_loss", task, *(one.adapters for one in tasks))
        found: list[float] = json.loads(Path(task.report).read_text(encoding="utf-8"))
        return found

    # --- processes ----------------------------------------------------------------------------

    def _logged(self) -> Path:
        return self._requests if self._case.kind == "dropped file" else self._rows

    def _task(self, seed: int) -> Task:
        self._count += 1
        place = self._folder / f"{self._count:02}"
        (place / "scratch").mkdir(parents=True)
        return Task(
            base=self._prepared["base"],
            rows=str(self._rows),
            adapters=str(place / "adapters"),
            scratch=str(place / "scratch"),
            report=str(place / "report.json"),
            epochs=self._case.epochs,
            batch_rows=self._case.batch_rows,
            num_layers=self._case.num_layers,
            keys=tuple(self._prepared["keys"]),
            seed=seed,
            openblas=True,
            dtype="shipped (4-bit)" if self._prepared["gpu"] else "float32",
        )

    def _start(self, module: str, task: Task, *more: str) -> float:
        """Run one side and return the seconds of the whole process."""
        file = Path(task.report).with_name("task.json")
        task.write(file)
        began_s = perf_counter()
        run(["-m", f"benchmarks.{module}", str(file), *more])
        return perf_counter() - began_s


def run(arguments: list[str]) -> str:
    """Run Python in the checkout and return what it printed."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "true"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments[:2])[:80]} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def prepare(folder: Path) -> dict[str, Any]:
    """Make the base model ready for both sides."""
    printed = run(["-m", "benchmarks.prepared", str(folder)])
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found
