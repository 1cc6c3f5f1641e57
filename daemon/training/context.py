"""What the trainer works with and the run it works on; plain holders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from daemon.clock import Clock
from daemon.core.training.early_stopping import EarlyStopped
from daemon.core.training.fallback import Fallback
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
    """The parts of one trainer, picked by `__main__`."""

    layout: Layout
    engine: Engine
    pipe: Pipe
    clock: Clock
    parent_lives: Callable[[], bool]
    encoders: dict[Path, TextEncoder] = field(default_factory=dict)
    """Tokenizers that have been read, by base."""
    energy: EnergyMeter = field(default_factory=EnergyMeter)

    def encoder(self, base: Path) -> TextEncoder:
        """Return the tokenizer of a base; it is read once."""
        if base not in self.encoders:
            self.encoders[base] = TextEncoder.load(base)
        return self.encoders[base]


@dataclass(frozen=True)
class CurrentRun:
    """A run that is loaded and ready to go on from `state`."""

    place: RunLayout
    request: Request
    choices: Choices
    rows: JobRows
    texts: RowTexts
    data: TrainingRows
    state: RunState
    rung: Fallback
    """How its steps are computed."""
    until: int | None = None
    """The step in the run at which another rung holds."""
    moments_carried: bool = True
    """False where the starting version had none that fit."""
    joules_before: float | None = None
    """The meter's count at the run's first step; None where that was before this process."""
    stopped: EarlyStopped | None = None
    """That it ends at its best step."""

    @property
    def end(self) -> int:
        """The last step in the run."""
        return self.choices.steps if self.stopped is None else self.stopped.best_step
