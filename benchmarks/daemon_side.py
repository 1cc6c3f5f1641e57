"""Times a real daemon, from a file's arrival in `inbox/` to the promotion of what it taught.

The daemon works in a scratch workspace and is warm: it has trained another file before.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import tomlkit

from benchmarks.task import LEARNING_RATE, RANK, SCALE, Report, Task
from daemon.layout import Layout

PATIENCE_S = 3600.0
LOOK_S = 0.02


def main(task_file: str, warm_file: str) -> None:
    task = Task.read(task_file)
    place = Layout(Path(task.scratch))
    with daemon(place, settings(task)) as running:
        running.train(Path(warm_file))
        keep_adapter(place, task)
        known = len(running.metrics())
        began_s = perf_counter()
        running.train(Path(task.rows))
        seconds = perf_counter() - began_s
        steps = running.metrics()[known:]
    rows = sum(step["rows"] - step["replayed"] for step in steps)
    Report(
        seconds=[seconds],
        tokens=[sum(step["tokens"] for step in steps)],
        supervised=[sum(step["supervised_tokens"] for step in steps)],
        losses=[step["loss"] for step in steps],
        note=f"{rows} rows in {len(steps)} steps, {sum(s['seconds'] for s in steps):.1f} s of them",
    ).write(task.report)


def settings(task: Task) -> dict[str, Any]:
    """Return the settings of the workspace; what is not here is left to its default."""
    return {
        "inbox": {"settle_s": 0.1},
        "intake": {"pictures": False},
        "holdout": {"share": 0.0 if task.resume is None else 0.1},
        "training": {
            "rank": RANK,
            "scale": SCALE,
            "learning_rate": LEARNING_RATE,
            "seed": task.seed,
            "num_layers": task.num_layers,
            "batch_rows": task.batch_rows,
            "epochs": task.epochs,
            "max_row_tokens": 2048,
        },
    }


def keep_adapter(place: Layout, task: Task) -> None:
    """Copy the adapter from before the timed file, for the other side to go on from."""
    folder = Path(task.adapters)
    folder.mkdir(parents=True)
    data = (place.current_model / "adapters.safetensors").read_bytes()
    (folder / "adapters.safetensors").write_bytes(data)


@dataclass(frozen=True)
class Running:
    """A daemon at work."""

    place: Layout
    process: subprocess.Popen[bytes]

    def train(self, rows: Path) -> None:
        """Drop a file and wait until what it taught is current."""
        before = os.readlink(self.place.current_model) if self.place.current_model.exists() else ""
        hidden = self.place.inbox / f".{rows.name}.tmp"
        hidden.write_bytes(rows.read_bytes())
        hidden.replace(self.place.inbox / f"{hidden.stat().st_ino}-{rows.name}")
        self.wait(lambda: self._promoted(before))

    def _promoted(self, before: str) -> bool:
        try:
            now = os.readlink(self.place.current_model)
        except FileNotFoundError:
            return False
        return now != before and not now.endswith("v000000")

    def wait(self, seen: Callable[[], bool]) -> None:
        """Wait until something is seen; a daemon that ends meanwhile has failed."""
        until_s = perf_counter() + PATIENCE_S
        while not seen():
            if self.process.poll() is not None or perf_counter() > until_s:
                story = self.place.events_file.read_text(encoding="utf-8")[-3000:]
                raise RuntimeError(f"the daemon did not promote the file:\n{story}")
            threading.Event().wait(LOOK_S)

    def metrics(self) -> list[dict[str, Any]]:
        """Return what was written of every step so far."""
        if not self.place.metrics_file.exists():
            return []
        data = self.place.metrics_file.read_bytes()
        return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


@contextmanager
def daemon(place: Layout, chosen: dict[str, Any]) -> Iterator[Running]:
    """Run a daemon over a workspace while this lasts."""
    for folder in (place.root, place.inbox, place.control):
        folder.mkdir(parents=True, exist_ok=True)
    place.settings_file.write_text(tomlkit.dumps(chosen), encoding="utf-8")
    argv = [sys.executable, "-m", "daemon", "run", "--root", str(place.root)]
    with (place.root / "console.txt").open("wb") as console:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        try:
            yield Running(place, process)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
