"""What one side of a comparison is asked for and what it reports; loads neither side's libraries.

A side that runs as installed must not meet this package's BLAS, so nothing of `daemon` is here.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

LEARNING_RATE = 5e-4
RANK = 16
SCALE = 2.0
LONGEST_ROW = 2048
"""Tokens; no row of the benchmarks is longer."""


@dataclass(frozen=True)
class Task:
    """The work of one side; all paths are absolute."""

    base: str
    """Directory of the base model."""
    rows: str
    """JSON lines of `messages`."""
    adapters: str
    """Directory for the trained adapter."""
    scratch: str
    """Directory for everything else that a side has to write."""
    report: str
    """Where the report goes."""
    epochs: int
    batch_rows: int
    num_layers: int
    keys: tuple[str, ...]
    """Names of the adapted modules, as mlx-lm writes them."""
    seed: int
    openblas: bool
    """Whether mlx-lm is given the BLAS that this package loads."""
    resume: str | None = None
    """An adapter file to go on from."""
    row_tokens: int | None = None
    """Tokens of a packed row; measured where none is given."""
    dtype: str = "float32"
    """What is to be computed in; "shipped" for the model as it lies there."""

    @classmethod
    def read(cls, path: str) -> "Task":
        """Return the task that lies in a file."""
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(**record | {"keys": tuple(record["keys"])})

    def write(self, path: Path) -> None:
        """Write it for a side."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """Return the rows."""
        data = Path(self.rows).read_bytes()
        return [json.loads(line) for line in data.splitlines()]


@dataclass(frozen=True)
class Report:
    """What one side did; lists have one entry an optimizer step."""

    seconds: list[float]
    tokens: list[int]
    """Real tokens: padding does not count on either side."""
    supervised: list[int]
    """Tokens that the loss was computed on, real ones only."""
    losses: list[float] = field(default_factory=list)
    """Mean nats per supervised token, as the side itself reports it."""
    mlx_peak_bytes: int = 0
    rss_peak_bytes: int = 0
    threads: int = 0
    blas: str = ""
    dtype: str = ""
    row_tokens: int | None = None
    """Tokens of the packed rows."""
    peak_gflops: float = 0.0
    """The best matrix product seen in this process."""
    note: str = ""
    """What else a reader should know."""

    def write(self, path: str) -> None:
        """Write it for whoever asked."""
        Path(path).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: str) -> "Report":
        """Return what a side wrote."""
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))

    def total_s(self, first_step: int = 0) -> float:
        """Return the seconds from a step on."""
        return sum(self.seconds[first_step:])

    def loss_tokens_per_s(self, first_step: int = 0) -> float:
        """Return supervised tokens per second from a step on."""
        return sum(self.supervised[first_step:]) / self.total_s(first_step)
