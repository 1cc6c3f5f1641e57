"""The training engine on MLX: one resident base model, one adapter, one optimizer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from mlx.utils import tree_unflatten

from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.training.footprint import Estimate, PassShape, estimate
from daemon.core.training.memory_plan import MemoryPlan
from daemon.core.training.packing import RowShapes
from daemon.core.training.row_layout import RowCosts
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault, RunFault
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.layout import Layout
from daemon.model import adapters, bases, machine
from daemon.model.anatomy import Anatomy
from daemon.model.arithmetic import peak_flops
from daemon.model.backend import device_name, give_back, mx, on_cpu
from daemon.model.generation import answer_batch
from daemon.model.interruption import Attend, unattended
from daemon.model.loading import load_model
from daemon.model.number_kinds import computed_shape
from daemon.model.packing_check import PackingCheck, check_packing
from daemon.model.parallel import ParallelPasses
from daemon.model.row_length import best_row_tokens, row_costs
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine.losses import chunk_positions
from daemon.training.engine.mlx_memory import adapted_modules, answers_beside, in_use
from daemon.training.engine.optimizers import FIRST_MOMENT, flat_state, shapes_of
from daemon.training.engine.partial_gradient import PartialGradient
from daemon.training.engine.protocol import (
    ADAPTER,
    MOMENTS,
    EncodedPass,
    StepResult,
    StepShape,
    never,
)
from daemon.training.engine.step import Stepper
from daemon.training.engine.trunk_cache import TrunkCache

CPU_ROW_TOKENS = 256
GPU_ROW_TOKENS = 1024
CARRIED_SHARE = 0.5
"""The factor on carried moments where the settings let them decay."""


class MlxEngine:
    """Trains, scores and answers with the same resident weights."""

    def __init__(self, wire: bool = False) -> None:
        """With `wire`, a Mac with enough memory wires what stays in memory between steps."""
        self._wire = wire
        self._base: Path | None = None
        self._spec: AdapterSpec | None = None
        self._keys: tuple[str, ...] = ()
        self._model: Any = None
        self._tokenizer: Any = None
        self._anatomy: Anatomy | None = None
        self._packing = PackingCheck.refusing("no base is loaded")
        self._packing_reported = False
        self._stepper: Stepper | None = None
        self._trunk_cache: TrunkCache | None = None
        self._parallel = ParallelPasses()
        self._peak: float | None = None
        self._fresh: dict[str, Any] = {}
        self._begun: dict[str, Any] = {}

    @property
    def device(self) -> str:
        """Return what MLX computes on."""
        return device_name()

    def prepare(self, layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
        """Make a base model ready under `models/base/`."""
        return bases.prepare(layout, model, attend)

    @property
    def packing(self) -> PackingCheck:
        """Return whether packed rows are exact with the resident base, as measured."""
        return self._packing

    @property
    def usual_tokens(self) -> tuple[int, int]:
        """Return the tokens of a packed row and of a pass; on a CPU a pass is one row."""
        if on_cpu():
            return CPU_ROW_TOKENS, CPU_ROW_TOKENS
        return GPU_ROW_TOKENS, 2 * GPU_ROW_TOKENS

    def best_row_tokens(self, base: Path) -> int | None:
        """Measure which length of packed rows trains this base fastest; it is loaded bare."""
        # There is no memory plan yet, and that of the last run is for another model.
        machine.set_limits(None, machine.memory())
        self._make_resident(base)
        assert self._anatomy is not None
        if not self._packing.packs:
            return None
        self._parallel.share(self._parallel.most)
        return best_row_tokens(self._anatomy, self.usual_tokens[1])

    def row_costs(self, base: Path, row_tokens: int) -> RowCosts | None:
        """Measure both layouts on a GPU, whose attention may be fused for rows of one text only."""
        if on_cpu():
            return None
        machine.set_limits(None, machine.memory())
        self._make_resident(base)
        assert self._anatomy is not None
        if not self._packing.packs:
            return None
        return row_costs(self._anatomy, row_tokens, self.usual_tokens[1])

    def estimate(
        self, base: Path, spec: AdapterSpec, shape: StepShape
    ) -> tuple[Estimate, int] | None:
        """Return the memory that a step of one pass takes, and the bytes available for it."""
        try:
            model = computed_shape(base)
        except (OSError, ValueError, ModelFault):
            return None
        work = PassShape(
            tokens=max(shape.pass_tokens, shape.width),
            width=shape.width,
            adapted_layers=spec.num_layers,
            rank=spec.rank,
            modules=adapted_modules(spec),
            kind=spec.kind,
            optimizer=shape.optimizer,
            supervised=chunk_positions(model.vocabulary),
            checkpoint=shape.checkpoint,
        )
        return estimate(model, work), machine.memory().usable

    def answers_that_fit(self, prompt: int, new: int) -> int:
        """Return how many answers fit into memory beside what is loaded, at least 1."""
        assert self._base is not None, "load comes first"
        return answers_beside(self._base, prompt, new)

    @property
    def most_passes(self) -> int:
        """Return how many passes may be computed at once."""
        return self._parallel.most

    @property
    def peak_arithmetic(self) -> float | None:
        """Return the FLOP/s of a large matrix product."""
        return self._peak

    def take_remarks(self) -> list[str]:
        """Return how the trunk cache performs, and why rows are not packed, each once."""
        remark = self._trunk_cache.take_remark() if self._trunk_cache is not None else None
        problem = None if self._packing_reported else self._packing.problem
        self._packing_reported = True
        rows = f"rows cannot be packed with this model, which is slower: {problem}"
        return [*([rows] if problem else []), *([remark] if remark else [])]

    def trouble(self, error: BaseException) -> Literal["memory", "device"] | None:
        """Return what an error means for the run."""
        if machine.is_out_of_memory(error):
            return "memory"
        return "device" if machine.is_device_lost(error) else None

    def alive(self) -> bool:
        """Return whether the device computes."""
        try:
            return bool((mx.ones((8, 8)) @ mx.ones((8, 8))).sum().item() == 512)
        except RuntimeError:
            return False

    @property
    def traces(self) -> int:
        """Return how many compiled shapes the process holds; closing a stepper frees its own."""
        return self._stepper.traces if self._stepper is not None else 0

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
        """Load the state at the start of a run; the base is read only if it is not resident."""
        concurrency = self._apply(memory)
        self._make_resident(base)
        self._keys = adapters.attach(self._model, spec, seed)
        self._spec = spec
        self._fresh = self._weights()
        if start is not None:
            adapters.load_adapter(self._model, start / ADAPTER)
        self._begun = self._weights()
        if self._trunk_cache is not None:
            self._trunk_cache.close()
        self._trunk_cache = TrunkCache(scratch, training.kept_bytes)
        assert self._anatomy is not None
        self._stepper = Stepper(
            self._anatomy,
            training,
            self._row_shapes(training),
            self._parallel,
            self._trunk_cache,
            training.grad_checkpoint,
            concurrency,
        )
        if start is None or training.carry_moments == "reset":
            return True
        if not (start / MOMENTS).exists() or not self._take_moments(start / MOMENTS):
            return False
        self._carry(training)
        return True

    def check_trainable(self) -> None:
        """Check that the adapter lies within the layers; elsewhere gradients would be wrong."""
        adapters.check_trainable(self._model)

    def _apply(self, memory: MemoryPlan | None) -> int:
        """Set MLX's memory limits, replacing earlier ones; return how many passes run at once."""
        present = machine.memory()
        if memory is None:
            machine.set_limits(None, present, self._wire)
            return self._parallel.most
        fitting = memory.within(present.usable, self._parallel.most)
        machine.set_limits(fitting.need, present, self._wire)
        return fitting.passes

    def _carry(self, training: TrainingSettings) -> None:
        """Scale the moments of the last run, and reset the step count, as the settings say."""
        optimizer = self._ready().optimizer
        state = flat_state(optimizer.state)
        if training.carry_moments == "decay":
            # The first moment only: a second moment that is too small makes steps too long.
            first = FIRST_MOMENT[training.optimizer]
            state = {
                name: array * CARRIED_SHARE if name.rpartition(".")[2] == first else array
                for name, array in state.items()
            }
        if training.carry_step == "reset":
            state["step"] = mx.zeros_like(state["step"])
        optimizer.state = tree_unflatten(list(state.items()))

    def _row_shapes(self, training: TrainingSettings) -> RowShapes:
        """Return the shapes of passes, few of them where steps are compiled.

        On the CPU compiling brings no speed, and each new shape costs a fraction of a second.
        """
        assert training.row_tokens and training.pass_tokens, "frozen with the run"
        packed = self._packing.packs and training.row_layout != "alone"
        return RowShapes(training.row_tokens, training.pass_tokens, packed, few=not on_cpu())

    @property
    def shapes(self) -> RowShapes:
        """Return how texts are packed into passes."""
        return self._ready().shapes

    def _make_resident(self, base: Path) -> None:
        """Make the bare base resident, dropping what was trained on it before."""
        self._retire()
        if base == self._base:
            adapters.detach(self._model)
            return
        # Freed before the next one is read: two bases at once may not fit.
        self._base = self._model = self._tokenizer = self._anatomy = None
        self._fresh = self._begun = {}
        give_back()
        self._parallel.share(1)
        self._model, self._tokenizer = load_model(base)
        self._anatomy = Anatomy(self._model)
        self._packing, self._packing_reported = check_packing(self._anatomy), False
        self._peak = self._peak or peak_flops()
        self._base = base

    def _retire(self) -> None:
        """Close the stepper and free the memory that it used."""
        if self._stepper is not None:
            self._stepper.close()
        self._stepper = None
        # Memory may have run out: an attempt starts with all that can be freed.
        give_back()

    def step(
        self,
        passes: Sequence[EncodedPass],
        learning_rate: float,
        seed: int,
        interrupted: Interrupted = never,
        /,
    ) -> StepResult:
        """Apply one optimizer step."""
        return self._ready().step(passes, learning_rate, seed, interrupted)

    @property
    def holds_part(self) -> bool:
        """Return whether there are finished passes of an interrupted step."""
        return self._stepper is not None and self._stepper.gathered is not None

    def save_part(self, folder: Path) -> None:
        """Write the finished passes of an interrupted step."""
        gathered = self._ready().gathered
        assert gathered is not None, "there is a part to save"
        gathered.save(folder)

    def restore_part(self, folder: Path) -> None:
        """Read what `save_part` wrote."""
        self._ready().restore(PartialGradient.read(folder))

    def finite_alone(self, text: Encoded, seed: int) -> bool:
        """Return whether loss and gradient of one text by itself are finite."""
        return self._ready().finite_alone(text, seed)

    def save(self, folder: Path) -> None:
        """Write adapter and moments into a directory under construction."""
        adapters.save_adapter(self._model, folder / ADAPTER)
        moments = flat_state(self._ready().optimizer.state)
        # Sorted, because MLX writes in an order that depends on that of the keys.
        mx.save_safetensors(str(folder / MOMENTS), dict(sorted(moments.items())))

    def restore(self, folder: Path) -> None:
        """Load adapter and moments from a directory that `save` filled.

        Raises:
            RunFault: they do not fit the settings of the run.
        """
        adapters.load_adapter(self._model, folder / ADAPTER)
        if not self._take_moments(folder / MOMENTS):
            raise RunFault("moments_misfit", f"{folder / MOMENTS} does not fit the run's settings")

    def _take_moments(self, path: Path) -> bool:
        """Load moments if they match this optimizer and adapter; return whether they do."""
        optimizer = self._ready().optimizer
        optimizer.init(self._model.trainable_parameters())
        found: Any = mx.load(str(path))
        # Loading is lazy, and the file may be replaced or removed before the arrays are needed.
        mx.eval(found)
        if shapes_of(found) != shapes_of(flat_state(optimizer.state)):
            return False
        optimizer.state = tree_unflatten(list(found.items()))
        return True

    def load_adapter(self, folder: Path | None) -> None:
        """Load another adapter for scoring; moments stay as they are."""
        if folder is not None:
            adapters.load_adapter(self._model, folder / ADAPTER)
        else:
            adapters.put_weights(self._model, self._fresh)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return for each row the sum of its losses in nats, and its supervised tokens."""
        return self._ready().score(rows)

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Callable[[], bool],
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        """Return the greedy answers, generated in one batch; None when interrupted."""
        self._parallel.share(1)
        return answer_batch(self._model, self._tokenizer, prompts, limits, interrupted, on_answer)

    def adapter_config(self) -> dict[str, object]:
        """Return the contents of `adapter_config.json`."""
        assert self._spec is not None and self._base is not None
        return adapters.adapter_config(self._spec, self._base.name, self._keys)

    def finite(self) -> bool:
        """Return whether every number of the adapter is finite."""
        return adapters.is_finite(self._weights())

    def changed(self) -> bool:
        """Return whether the adapter differs from the one the run began with."""
        now = self._weights()
        return any(not mx.array_equal(now[name], old).item() for name, old in self._begun.items())

    def rest(self) -> None:
        """Return freed memory that MLX and the C library hold to the system."""
        give_back()

    def forget_peak(self) -> None:
        """Reset the memory peak."""
        mx.reset_peak_memory()

    def memory(self) -> dict[str, int]:
        """Return bytes in use, by kind."""
        return in_use()

    def _weights(self) -> dict[str, Any]:
        weights = adapters.adapter_weights(self._model)
        mx.eval(weights)
        return dict(weights)

    def _ready(self) -> Stepper:
        assert self._stepper is not None, "load comes first"
        return self._stepper
