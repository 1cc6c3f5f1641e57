"""Memory in use by the MLX engine, and how many answers fit beside it."""

import os
from pathlib import Path

from daemon.core.evaluation.answer_memory import ANSWERS_MOST, answers_that_fit
from daemon.core.training.footprint import MODULES, Module
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import ModelFault
from daemon.model import machine
from daemon.model.backend import mx
from daemon.model.number_kinds import computed_shape
from daemon.system.footprint import footprint_bytes, resident_bytes


def answers_beside(base: Path, prompt: int, new: int) -> int:
    """Return how many answers fit into memory beside what is loaded, at least 1.

    `prompt` and `new` are the tokens of the longest prompt and of the longest answer.
    """
    try:
        model = computed_shape(base)
    except (OSError, ValueError, ModelFault):
        return ANSWERS_MOST
    return answers_that_fit(model, prompt, new, machine.room())


def in_use() -> dict[str, int]:
    """Return bytes in use, by MLX's own count and for the whole process.

    On a Mac the resident size lacks the GPU's buffers; the system kills by the footprint.
    """
    return {
        "active": mx.get_active_memory(),
        "peak": mx.get_peak_memory(),
        "cache": mx.get_cache_memory(),
        "process": resident_bytes(os.getpid()) or 0,
        "footprint": footprint_bytes(os.getpid()) or 0,
    }


def adapted_modules(spec: AdapterSpec) -> tuple[Module, ...]:
    """Return the adapted modules that the estimate knows; it ignores others."""
    wanted = {key.rsplit(".", 1)[-1] for key in spec.keys}
    return tuple(name for name in MODULES if not wanted or name in wanted)
