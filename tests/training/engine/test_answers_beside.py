"""How many answers are made at once: by the kind of number that the base is computed in."""

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.core.evaluation.answer_memory import ANSWERS_MOST, answering_bytes
from daemon.model import machine
from daemon.model.backend import AS_VARIABLE, mx
from daemon.model.number_kinds import computed_shape
from daemon.training.engine.mlx_memory import answers_beside
from tests.model.tiny import CONFIG

PROMPT, NEW = 512, 256
PACKED = {"quantization": {"bits": 4, "group_size": 32}}


def base_of(folder: Path, scales: Any) -> Path:
    """Write the files that tell the kind of a 4-bit base."""
    (folder / "config.json").write_text(json.dumps(CONFIG | PACKED))
    arrays = {"x.weight": mx.zeros((64, 4), mx.uint32), "x.scales": mx.zeros((64, 1), scales)}
    mx.save_safetensors(str(folder / "model.safetensors"), arrays)
    return folder


@pytest.mark.parametrize(("scales", "bytes_each"), [(mx.float32, 4), (mx.bfloat16, 2)])
def test_on_a_gpu_answers_are_counted_in_the_numbers_that_the_base_computes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scales: Any, bytes_each: int
) -> None:
    """Two bytes were taken for all: of a base with fp32 scales twice what fits was made."""
    monkeypatch.setenv(AS_VARIABLE, "gpu")
    base = base_of(tmp_path, scales)
    shape = computed_shape(base)
    assert shape.dtype_bytes == bytes_each
    # Room for sixteen of this kind, and not for the next larger number.
    monkeypatch.setattr(machine, "room", lambda: answering_bytes(shape, PROMPT, NEW, 16))
    assert answers_beside(base, PROMPT, NEW) == 16


def test_a_base_whose_files_cannot_be_read_bounds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever loads it tells what is wrong with it."""
    monkeypatch.setenv(AS_VARIABLE, "gpu")
    base = base_of(tmp_path, mx.float32)
    (base / "model.safetensors").write_bytes(b"\xff" * 16)
    assert answers_beside(base, PROMPT, NEW) == ANSWERS_MOST
