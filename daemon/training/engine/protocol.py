"""What a run needs of the machine that computes it; knows neither MLX nor files of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

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
    """The same pass comes again in this run."""

    @property
    def texts(self) -> tuple[Encoded, ...]:
        """The texts of all rows."""
        return tuple(text for row in self.rows for text in row)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of one optimizer step."""

    loss: float | None
    """Mean nats a supervised token over the whole step; None where it was not finite."""
    gradient_norm: float | None
    """Before clipping; None where it was not finite."""
    update_norm: float | None
    """Of the change of the adapter; None where there was none."""
    applied: bool
    """False where loss or gradient were not finite: then nothing was changed."""
    arithmetic: float = field(default=0.0, compare=False)
    """Products and sums of real tokens, attention left out; 0 where they are not counted."""
    interrupted: bool = False
    """It was left between two passes: nothing was changed, and it is still to be taken."""


NOT_APPLIED = StepResult(None, None, None, False)
"""Of a step that changed nothing."""

INTERRUPTED = StepResult(None, None, None, False, interrupted=True)


def never() -> bool:
    """Return that work is not to be left."""
    return False


@dataclass(frozen=True, slots=True)
class StepShape:
    """On what a step stands: the numbers of which its memory depends."""

    pass_tokens: int
    width: int
    """Tokens of the longest row."""
    checkpoint: bool
    optimizer: str


class Engine(Scorer, Protocol):
    """One resident base model with one adapter on it."""

    @property
    def device(self) -> str:
        """Return what it computes on, for people."""
        ...

    def prepare(self, layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
        """Make a base model ready under `models/base/`.

        Raises:
            ModelFault: it is missing, damaged or not supported.
            Interrupted: `attend` said to leave; the next call goes on from there.
        """
        ...

    @property
    def usual_tokens(self) -> tuple[int, int]:
        """Return the tokens of a packed row and of a pass where nothing better is known."""
        ...

    def best_row_tokens(self, base: Path) -> int | None:
        """Load a base and measure which length of packed rows trains it fastest here.

        None where the machine is too busy to tell.
        """
        ...

    def row_costs(self, base: Path, row_tokens: int) -> RowCosts | None:
        """Load a base and measure what a token costs in packed rows and in rows of one text.

        None where packed rows are known to be faster, or the model has none.
        """
        ...

    def estimate(
        self, base: Path, spec: AdapterSpec, shape: StepShape
    ) -> tuple[Estimate, int] | None:
        """Return the memory a step of one pass takes at its peak, and the bytes there are for it.

        None where the model is of no kind that can be estimated. Nothing is changed by asking.
        """
        ...

    @property
    def most_passes(self) -> int:
        """Return how many passes may be computed at once, where there is memory for them."""
        ...

    def answers_that_fit(self, prompt: int, new: int) -> int:
        """Return how many answers may be in the making beside what is loaded, at least 1.

        `prompt` and `new` are the tokens of the longest prompt and of the longest answer.
        """
        ...

    @property
    def peak_arithmetic(self) -> float | None:
        """Return the most products and sums a second measured here; None where none was."""
        ...

    def remarks(self) -> list[str]:
        """Return what was decided by measuring since this was asked last, for people."""
        ...

    def trouble(self, error: BaseException) -> Literal["memory", "device"] | None:
        """Return what an error of this engine means for the run, where it is no mistake."""
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
        """Be as a run begins: the base, and the adapter and moments of `start` or fresh ones.

        A base that is resident already is kept. Returns False where `start` has no moments that
        fit the optimizer. What need not outlive the process may lie in the directory `scratch`.
        What `memory` plans holds until the next load; without a plan nothing bounds it.
        """
        ...

    def check_trainable(self) -> None:
        """See that the adapter that is loaded can be trained; any can be scored.

        Raises:
            ModelFault: it cannot.
        """
        ...

    @property
    def shapes(self) -> RowShapes:
        """Return how texts are to be laid into passes for the model that is loaded."""
        ...

    def step(
        self,
        passes: Sequence[EncodedPass],
        learning_rate: float,
        seed: int,
        interrupted: Interrupted = never,
        /,
    ) -> StepResult:
        """Apply one optimizer step over all passes together, each token counting the same.

        `interrupted` is asked between two passes; a step that is left changes nothing. The same
        step goes on behind its last pass where it is taken next, and nothing was loaded since.
        """
        ...

    @property
    def holds_part(self) -> bool:
        """Return whether passes of an interrupted step are kept for when it is taken next."""
        ...

    def save_part(self, folder: Path) -> None:
        """Write what is kept of an interrupted step into a directory that is being built."""
        ...

    def restore_part(self, folder: Path) -> None:
        """Take what `save_part` wrote; used only if the next step is the same.

        Raises:
            OSError, RuntimeError, KeyError, ValueError: it cannot be read.
        """
        ...

    def finite_alone(self, text: Encoded, seed: int) -> bool:
        """Return whether loss and gradient of one text by itself are finite; changes nothing."""
        ...

    def save(self, folder: Path) -> None:
        """Write adapter and moments into a directory that is being built."""
        ...

    def restore(self, folder: Path) -> None:
        """Take adapter and moments from a directory that `save` filled."""
        ...

    def load_adapter(self, folder: Path | None) -> None:
        """Put on another adapter for scoring; None for the bare base. Moments stay as they are."""
        ...

    def adapter_config(self) -> dict[str, Any]:
        """Return what belongs into `adapter_config.json` beside the adapter."""
        ...

    def finite(self) -> bool:
        """Return whether every number of the adapter is finite."""
        ...

    def changed(self) -> bool:
        """Return whether the adapter differs from the one the run began with."""
        ...

    def rest(self) -> None:
        """Give the system what is kept only to be quicker at the next work; the model stays."""
        ...

    def forget_peak(self) -> None:
        """Count the peak of memory from here on."""
        ...

    def memory(self) -> dict[str, int]:
        """Return bytes in use, by kind."""
        ...
