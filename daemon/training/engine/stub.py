"""A stub engine for rehearsals and tests, without a model and without MLX.

Its loss falls towards a fixed goal, its updates are exact in float32, its files real safetensors.
"""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np
from safetensors.numpy import load_file, save_file

from daemon.clock import Clock
from daemon.core.evaluation.answer_memory import ANSWERS_MOST
from daemon.core.evaluation.answers import Answer, AnswerLimits
from daemon.core.records import JsonObject
from daemon.core.training.footprint import Estimate
from daemon.core.training.memory_plan import MemoryPlan
from daemon.core.training.packing import RowShapes
from daemon.core.training.row_layout import RowCosts
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import AdapterSpec
from daemon.evaluation.scoring import Interrupted, OnAnswer
from daemon.layout import Layout
from daemon.model.interruption import Attend, unattended
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine.protocol import (
    ADAPTER,
    INTERRUPTED,
    MOMENTS,
    EncodedPass,
    StepResult,
    StepShape,
    never,
)
from daemon.training.engine.stub_base import make_base

MODULE = "model.layers.0.self_attn.q_proj"
WIDTH = 8
GOAL = np.float32(1.0)
FLOOR_NATS = 0.5
MOMENTUM = np.float32(0.9)
RATE_FACTOR = np.float32(20.0)
"""Learning rates in the settings suit a real model and would hardly move this one."""

PART = "part.json"

Arrays = dict[str, np.ndarray]


class RehearsalEngine:
    """An engine whose numbers behave like training."""

    device = "rehearsal"

    def __init__(self, clock: Clock, pace_s: float) -> None:
        self._clock = clock
        self._pace_s = pace_s
        self._spec = AdapterSpec("lora", 1, 1.0, 0.0, 1, ())
        self._base = Path()
        self._adapter: Arrays = {}
        self._moments: Arrays = {}
        self._begun: Arrays = {}
        self._fresh: Arrays = {}
        self._part = (0, 0)
        """Seed of the interrupted step, and how many passes it had finished."""
        self.shapes = RowShapes(256, 2048)

    def prepare(self, layout: Layout, model: str, attend: Attend = unattended) -> BaseFacts:
        """Create a base directory with a small real tokenizer and no weights."""
        return make_base(layout, model)

    usual_tokens = (256, 2048)
    traces = 0

    def best_row_tokens(self, base: Path) -> int | None:
        """Return nothing: there is nothing to measure."""
        return None

    def row_costs(self, base: Path, row_tokens: int) -> RowCosts | None:
        """Return nothing: there is nothing to measure."""
        return None

    def estimate(
        self, base: Path, spec: AdapterSpec, shape: StepShape
    ) -> tuple[Estimate, int] | None:
        """Return nothing: it takes next to no memory."""
        return None

    def answers_that_fit(self, prompt: int, new: int) -> int:
        """Return the maximum: answers take next to no memory."""
        return ANSWERS_MOST

    most_passes = 1
    peak_arithmetic = None

    def take_remarks(self) -> list[str]:
        """Return nothing: nothing is measured."""
        return []

    def trouble(self, error: BaseException) -> Literal["memory", "device"] | None:
        """Return "memory" for Python's own error."""
        return "memory" if isinstance(error, MemoryError) else None

    def alive(self) -> bool:
        """Return true: nothing can be lost."""
        return True

    def check_trainable(self) -> None:
        """Accept everything: there are no modules."""

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
        """Load the adapter and moments of `start`, or fresh ones."""
        self._base, self._spec, self._part = base, spec, (0, 0)
        usual = self.usual_tokens
        self.shapes = RowShapes(training.row_tokens or usual[0], training.pass_tokens or usual[1])
        self._fresh = _fresh(spec.rank, seed)
        self._adapter = _copy(self._fresh) if start is None else load_file(start / ADAPTER)
        self._begun = _copy(self._adapter)
        if start is not None and (start / MOMENTS).exists():
            self._moments = load_file(start / MOMENTS)
            return True
        zeros = {name: np.zeros_like(array) for name, array in self._adapter.items()}
        self._moments = {"step": np.zeros(1, np.uint64), **zeros}
        return start is None

    def step(
        self,
        passes: Sequence[EncodedPass],
        learning_rate: float,
        seed: int,
        interrupted: Interrupted = never,
        /,
    ) -> StepResult:
        """Move towards the goal; each row pulls a little to one side, as real rows do."""
        taken = self._part[1] if self._part[0] == seed else 0
        self._part = (0, 0)
        for number in range(taken, len(passes)):
            if number > taken and interrupted():
                self._part = (seed, number)
                return INTERRUPTED
            self._clock.sleep_s(self._pace_s / len(passes))
        rows = [text for item in passes for text in item.texts]
        scored = self.losses(rows)
        loss = sum(total for total, _ in scored) / max(1, sum(count for _, count in scored))
        goal = GOAL + np.float32(np.mean([pull(row) for row in rows]))
        gradients = {name: array - goal for name, array in self._adapter.items()}
        norm = float(np.sqrt(sum(float(np.sum(g * g)) for g in gradients.values())))
        if not np.isfinite(loss + norm):
            return StepResult(None, None, None, False)
        moved = 0.0
        for name, gradient in gradients.items():
            self._moments[name] = MOMENTUM * self._moments[name] + gradient
            move = np.float32(learning_rate) * RATE_FACTOR * self._moments[name]
            self._adapter[name] = self._adapter[name] - move
            moved += float(np.sum(move * move))
        self._moments["step"] = self._moments["step"] + np.uint64(1)
        return StepResult(loss, norm, math.sqrt(moved), True)

    @property
    def holds_part(self) -> bool:
        """Return whether a step was interrupted between two passes."""
        return self._part[1] > 0

    def save_part(self, folder: Path) -> None:
        """Write the seed of the step and how many passes are finished."""
        (folder / PART).write_text(json.dumps(self._part), encoding="utf-8")

    def restore_part(self, folder: Path) -> None:
        """Read what `save_part` wrote."""
        seed, passes = json.loads((folder / PART).read_bytes())
        self._part = (int(seed), int(passes))

    def finite_alone(self, text: Encoded, seed: int) -> bool:
        """Return whether the loss of one text by itself is finite."""
        ((total, _),) = self.losses([text])
        return math.isfinite(total)

    def save(self, folder: Path) -> None:
        """Write adapter and moments."""
        save_file(self._adapter, folder / ADAPTER)
        save_file(self._moments, folder / MOMENTS)

    def restore(self, folder: Path) -> None:
        """Load adapter and moments from a checkpoint."""
        self._adapter = load_file(folder / ADAPTER)
        self._moments = load_file(folder / MOMENTS)

    def load_adapter(self, folder: Path | None) -> None:
        """Load another adapter for scoring."""
        self._adapter = _copy(self._fresh) if folder is None else load_file(folder / ADAPTER)

    def losses(self, rows: Sequence[Encoded]) -> list[tuple[float, int]]:
        """Return losses that grow with the distance of the adapter from each row's own goal."""
        found = []
        for row in rows:
            count = int(row.supervised[1:].sum())
            goal = GOAL + pull(row)
            distance = [float(np.mean((a - goal) ** 2)) for a in self._adapter.values()]
            found.append((count * (FLOOR_NATS + sum(distance) / len(distance)), count))
        return found

    def answer(
        self,
        prompts: Sequence[Sequence[int]],
        limits: AnswerLimits,
        interrupted: Callable[[], bool],
        on_answer: OnAnswer | None = None,
    ) -> list[Answer] | None:
        """Return answers that depend on the prompt alone."""
        answers = []
        for place, prompt in enumerate(prompts):
            if interrupted():
                return None
            answers.append(Answer(f"rehearsed answer {crc32(repr(list(prompt)).encode()) % 1000}"))
            if on_answer is not None:
                on_answer(place, answers[-1])
        return answers

    def adapter_config(self) -> JsonObject:
        """Return a configuration in the real format."""
        return {
            "fine_tune_type": self._spec.kind,
            "model": f"models/base/{self._base.name}",
            "num_layers": 1,
            "lora_parameters": {
                "rank": self._spec.rank,
                "scale": self._spec.scale,
                "dropout": self._spec.dropout,
                "keys": [MODULE.split(".", 3)[3]],
            },
        }

    def finite(self) -> bool:
        """Return whether every number is finite."""
        return all(bool(np.isfinite(array).all()) for array in self._adapter.values())

    def changed(self) -> bool:
        """Return whether the adapter differs from the one the run began with."""
        return any(not np.array_equal(a, self._begun[name]) for name, a in self._adapter.items())

    def rest(self) -> None:
        """Do nothing: nothing is cached."""

    def forget_peak(self) -> None:
        """Do nothing: its arrays have no peak."""

    def memory(self) -> dict[str, int]:
        """Return the bytes of the arrays."""
        arrays = (*self._adapter.values(), *self._moments.values())
        return {"active": sum(array.nbytes for array in arrays)}


def _fresh(rank: int, seed: int) -> Arrays:
    draw = np.random.default_rng(seed).uniform(-0.3, 0.3, (WIDTH, rank)).astype(np.float32)
    return {f"{MODULE}.lora_a": draw, f"{MODULE}.lora_b": np.zeros((rank, WIDTH), np.float32)}


def _copy(arrays: Arrays) -> Arrays:
    return {name: array.copy() for name, array in arrays.items()}


def pull(row: Encoded) -> np.float32:
    """Return a number in ±0.05 that depends on the row's tokens."""
    return np.float32(crc32(row.tokens.tobytes()) % 1001 / 10000.0 - 0.05)
