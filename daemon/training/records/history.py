"""The steps of a whole run, read back from its metrics; knows no weights."""

import json
from array import array
from collections.abc import Iterable
from pathlib import Path

from daemon.core.training.manifests import RunTotals
from daemon.core.training.progress import MetricsLine

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

    def write(self, path: Path) -> None:
        """Write every step as one JSON list, a step a line."""
        lines = bytes(self._text).splitlines()
        path.write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")
