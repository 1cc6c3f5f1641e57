"""Step history of a whole run: read from its metrics, written into its version."""

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from daemon.core.records import JsonObject
from daemon.core.training.manifests import RunTotals
from daemon.core.training.progress import MetricsLine

SCHEMA = 1
"""Schema version of `training_metrics.json`; its predecessor was a bare list of steps."""

LAST_STEPS = 20
"""The final loss of a run is the mean over this many last steps."""


class History:
    """Every step of a run; only a few numbers of each are held in memory as objects."""

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
        """The duration of all steps together."""
        return self._seconds

    @property
    def losses(self) -> list[tuple[int, float]]:
        """(step, loss) of each step that has a loss."""
        return list(zip(self._steps, self._losses, strict=True))

    def totals(self) -> RunTotals:
        """Return the totals of the run for its manifest."""
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
    """Yield the steps of a `training_metrics.json`, including the old form, a bare list."""
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b'{"'):
                yield json.loads(line.strip().rstrip(b","))
