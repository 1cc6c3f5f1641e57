"""The steps of a whole run: read back from its metrics, and written into its version."""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from daemon.core.records import JsonObject
from daemon.core.training.manifests import RunTotals
from daemon.core.training.progress import MetricsLine

SCHEMA = 1
"""Of the form of `training_metrics.json`; a bare list of steps is the form before it."""

LAST_STEPS = 20
"""Whose losses are averaged for the loss a run ended with."""


class History:
    """What became of every step of a run; memory holds a few numbers of each."""

    def __init__(self, lines: Iterable[MetricsLine]) -> None:
        self._text = bytearray()
        self._steps = array("q")
        self._losses = array("d")
        self._totals = {"tokens": 0, "supervised_tokens": 0, "replayed": 0}
        self._seconds = 0.0
        self._refused = 0
        for line in lines:
            self._take(line)

    def _take(self, line: MetricsLine) -> None:
        self._text += json.dumps(line, allow_nan=False).encode() + b"\n"
        self._totals["tokens"] += line["tokens"]
        self._totals["supervised_tokens"] += line["supervised_tokens"]
        self._totals["replayed"] += line["replayed"]
        self._seconds += line["seconds"]
        self._refused += not line["applied"]
        if line["loss"] is not None:
            self._steps.append(line["step"])
            self._losses.append(line["loss"])

    @property
    def seconds(self) -> float:
        """Return what the steps took together."""
        return self._seconds

    @property
    def losses(self) -> list[tuple[int, float]]:
        """Return (step, loss) of the steps that had one."""
        return list(zip(self._steps, self._losses, strict=True))

    def totals(self) -> RunTotals:
        """Return what a manifest says of the whole run."""
        last = self._losses[-LAST_STEPS:]
        tokens = self._totals["tokens"]
        return RunTotals(
            train_loss=sum(last) / len(last) if last else None,
            **self._totals,
            tokens_per_s=tokens / self._seconds if self._seconds > 0 else None,
            steps_not_applied=self._refused,
        )

    def write(
        self,
        path: Path,
        run: str,
        config: Mapping[str, object],
        validation: Sequence[tuple[int, float]],
    ) -> None:
        """Write `training_metrics.json`: the configuration, losses to plot, and every step.

        A key a line, and a step a line, so that nobody needs to hold the whole file in memory.
        """
        columns: JsonObject = {
            "schema_version": SCHEMA,
            "run": run,
            "config": dict(config),
            "iterations": list(self._steps),
            "train_loss": list(self._losses),
            "val_iterations": [step for step, _ in validation],
            "val_loss": [loss for _, loss in validation],
        }
        head = "".join(
            f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)},\n"
            for key, value in columns.items()
        )
        steps = b",\n".join(bytes(self._text).splitlines())
        path.write_bytes(b"{\n" + head.encode() + b'"steps": [\n' + steps + b"\n]\n}\n")


def read_steps(path: Path) -> Iterator[MetricsLine]:
    """Give the steps of a `training_metrics.json`, also of one that is a bare list of steps."""
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b'{"'):
                yield json.loads(line.strip().rstrip(b","))
