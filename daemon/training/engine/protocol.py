"""The engine protocol: loading, training steps, scoring, answering, memory estimates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from daemon.core.records import JsonObject
from daemon.core.training.footprint import Estimate
from daemon.core.training.memory_plan import MemoryPlan
from daemon.core.training.packing import RowShapes
from daemon.core.training.row_layout import RowCosts
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import AdapterSpec
from daemon.evaluation.scoring import Interrupted, Scorer
from daemon.layout import Layout
from daemon.model.interruption import Attend, unattended
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded

ADAPTER = "adapters.safetensors"
MOMENTS = "optimizer.safetensors"


@dataclass(frozen=True, slots=True)
class EncodedPass:
    """Rows computed at once, each with one text or several, padded to `width`."""

    width: int
    rows: tuple[tuple[Encoded, ...], ...]
    again: bool = False
    """This pass is computed again later in the run."""

    @property
    def texts(self) -> tuple[Encoded, ...]:
        """The texts of all rows."""
        return tuple(text for row in self.rows for text in row)


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one optimizer step."""

    loss: float | None
    """Mean nats per supervised token over the whole step; None if it was not finite."""
    gradient_norm: float | None
    """Before clipping; None if it was not finite."""
    update_norm: float | None
    """Norm of the adapter's change; None if there was none."""
    applied: bool
    """False if loss or gradient was not finite: then nothing was changed."""
    arithmetic: float = field(default=0.0, compare=False)
    """FLOPs of real tokens without attention; 0 if they are not counted."""
    interrupted: bool = False
    """Left between two passes: nothing was changed, and the step is still to be taken."""


NOT_APPLIED = StepResult(None, None, None, False)
"""The result of a step that changed nothing."""

INTERRUPTED = StepResult(None, None, None, False, interrupted=True)


def never() -> bool:
    """Never interrupt."""
    return False


@dataclass(frozen=True, slots=True)
class StepShape:
    """The numbers that determine a step's peak memory."""

    pass_tokens: int
    width: int
    """Tokens of the longest row."""
    checkpoint: bool
    optimizer: str


class Engine(Scorer, Protocol):
    """One resident base model with one adapter on it."""

    @property
    def device(self) -> str:
        """Return the name of the device, for display."""
        ...

    def prepare(self, layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
        """Make a base model ready under `models/base/`.

        Raises:
            ModelFault: it is missing, damaged or not supported.
            Interrupted: `attend` asked to leave; the next call resumes from there.
        """
        ...

    @property
    def usual_tokens(self) -> tuple[int, int]:
        """Return the tokens of a packed row and of a pass where nothing better is known."""
        ...

    def best_row_tokens(self, base: Path) -> int | None:
        """Load a base and measure which length of packed rows trains it fastest here.

        None if the machine is too busy for a clear result.
        """
        ...

    def row_costs(self, base: Path, row_tokens: int) -> RowCosts | None:
        """Load a base and measure what a token costs in packed rows and in rows of one text.

        None if packed rows are known to be faster, or the model has none.
        """
        ...

    def estimate(
        self, base: Path, spec: AdapterSpec, shape: StepShape
    ) -> tuple[Estimate, int] | None:
        """Return the peak memory of a step of one pass, and the bytes available for it.

        None if this kind of model cannot be estimated. Changes nothing.
        """
        ...

    @property
    def most_passes(self) -> int:
        """Return how many passes may be computed at once, if memory allows."""
        ...

    def answers_that_fit(self, prompt: int, new: int) -> int:
        """Return how many answers fit into memory beside what is loaded, at least 1.

        `prompt` and `new` are the tokens of the longest prompt and of the longest answer.
        """
        ...

    @property
    def peak_arithmetic(self) -> float | None:
        """Return the peak FLOP/s measured here; None if it was not measured."""
        ...

    def take_remarks(self) -> list[str]:
        """Return what was decided by measuring since the last call, as sentences."""
        ...

    def trouble(self, error: BaseException) -> Literal["memory", "device"] | None:
        """Return whether an error means lack of memory or a lost device; None for any other."""
        ...

    def alive(self) -> bool:
        """Return whether the device computes."""
        ...

    @property
    def traces(self) -> int:
        """Return how many compiled shapes the process holds."""
        ...

    def load(
        self,
        base: Path,
        spec: AdapterSpec,
        training: TrainingSettings,
        start: Path | None,
        seed: int,
        scratch: Path,
        memory: MemoryPlan | None,
    ) -> bool:
        """Load the base, and the adapter and moments of `start`, or fresh ones.

        A base that is resident already is not read again. Returns False if `start` has no
        moments that fit the optimizer. Temporary files of this process may go into `scratch`.
        The `memory` plan applies until the next load; without one memory is not limited.
        """
        ...

    def check_trainable(self) -> None:
        """Check that the loaded adapter can be trained; any adapter can be scored.

        Raises:
            ModelFault: it cannot.
        """
        ...

    @property
    def shapes(self) -> RowShapes:
        """Return how texts are packed into passes for the loaded model."""
        ...

    def step(
        self,
        passes: Sequence[EncodedPass],
        learning_rate: float,
        seed: int,
        interrupted: Interrupted = never,
        /,
    ) -> StepResult:
        """Apply one optimizer step over all passes together; every token counts the same.

        `interrupted` is polled between two passes; an interrupted step changes nothing. The same
        step resumes behind its last pass if it is the next one and nothing was loaded since.
        """
        ...

    @property
    def holds_part(self) -> bool:
        """Return whether there are finished passes of an interrupted step to resume from."""
        ...

    def save_part(self, folder: Path) -> None:
        """Write the finished passes of an interrupted step into a directory under construction."""
        ...

    def restore_part(self, folder: Path) -> None:
        """Read what `save_part` wrote; it is used only if the next step is the same.

        Raises:
            OSError, RuntimeError, KeyError, ValueError: it cannot be read.
        """
        ...

    def finite_alone(self, text: Encoded, seed: int) -> bool:
        """Return whether loss and gradient of one text by itself are finite; changes nothing."""
        ...

    def save(self, folder: Path) -> None:
        """Write adapter and moments into a directory under construction."""
        ...

    def restore(self, folder: Path) -> None:
        """Load adapter and moments from a directory that `save` filled."""
        ...

    def load_adapter(self, folder: Path | None) -> None:
        """Load another adapter for scoring; None for the bare base. Moments stay as they are."""
        ...

    def adapter_config(self) -> JsonObject:
        """Return the contents of `adapter_config.json`."""
        ...

    def finite(self) -> bool:
        """Return whether every number of the adapter is finite."""
        ...

    def changed(self) -> bool:
        """Return whether the adapter differs from the one the run began with."""
        ...

    def rest(self) -> None:
        """Return cached memory to the system; the model stays loaded."""
        ...

    def forget_peak(self) -> None:
        """Reset the memory peak."""
        ...

    def memory(self) -> dict[str, int]:
        """Return bytes in use, by kind."""
        ...
