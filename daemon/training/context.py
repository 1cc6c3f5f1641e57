"""The trainer's collaborators, and the run that it has loaded."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from daemon.clock import Clock
from daemon.core.training.early_stopping import EarlyStopped
from daemon.core.training.fallback import Fallback
from daemon.core.training.manifests import ShortenedRow
from daemon.layout import Layout
from daemon.layout_jobs import RunLayout
from daemon.pipes import Pipe
from daemon.text.encoder import TextEncoder
from daemon.training.data.batches import TrainingRows
from daemon.training.data.row_texts import RowTexts
from daemon.training.data.rows import JobRows
from daemon.training.engine.energy import EnergyMeter
from daemon.training.engine.protocol import Engine
from daemon.training.records.choices import Choices, Request
from daemon.training.records.state import RunState


@dataclass(frozen=True)
class TrainerContext:
    """The collaborators of one trainer, created by `__main__`."""

    layout: Layout
    engine: Engine
    pipe: Pipe
    clock: Clock
    parent_lives: Callable[[], bool]
    encoders: dict[Path, TextEncoder] = field(default_factory=dict)
    """Tokenizers read so far, by base."""
    energy: EnergyMeter = field(default_factory=EnergyMeter)

    def encoder(self, base: Path) -> TextEncoder:
        """Return the tokenizer of a base, reading it on first use."""
        if base not in self.encoders:
            self.encoders[base] = TextEncoder.load(base)
        return self.encoders[base]


@dataclass(frozen=True)
class CurrentRun:
    """A loaded run, ready to continue from `state`."""

    place: RunLayout
    request: Request
    choices: Choices
    rows: JobRows
    texts: RowTexts
    data: TrainingRows
    state: RunState
    fallback: Fallback
    """How its steps are computed."""
    until: int | None = None
    """The step in the run at which another fallback takes over."""
    moments_carried: bool = True
    """False if the starting version had no moments that fit."""
    joules_before: float | None = None
    """The meter's count at the run's first step; None if an earlier process took that step."""
    stopped: EarlyStopped | None = None
    """Set where an early stop ends the run at its best step."""

    @property
    def rows_shortened(self) -> tuple[ShortenedRow, ...]:
        """The rows that are shortened because memory had run out."""
        return self.data.rows_shortened(self.fallback.at)

    @property
    def end(self) -> int:
        """The last step in the run."""
        return self.choices.steps if self.stopped is None else self.stopped.best_step
