"""In which kind of number a base is computed: read from its files, whatever its device."""

from pathlib import Path
from typing import Any

import pytest

from daemon.core.workspace.versions import AdapterSpec
from daemon.model.backend import AS_VARIABLE, mx
from daemon.model.number_kinds import computing_bytes
from daemon.training.engine.mlx import MlxEngine
from daemon.training.engine.protocol import StepShape
from tests.model.tiny import write_model

KINDS = [
    ({"layers.0.weight": mx.bfloat16, "norm.weight": mx.float32}, 2),
    ({"layers.0.weight": mx.float16}, 2),
    ({"layers.0.weight": mx.float32}, 4),
    ({"layers.0.weight": mx.uint32, "layers.0.scales": mx.bfloat16, "norm.weight": mx.float32}, 2),
    ({"layers.0.weight": mx.uint32, "layers.0.scales": mx.float32, "norm.weight": mx.bfloat16}, 4),
]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the device taken for a GPU."""
    for room in ("model.number_kinds", "model.machine", "training.engine.mlx"):
        monkeypatch.setattr(f"daemon.{room}.on_cpu", lambda: False)


@pytest.mark.parametrize(("tensors", "expected"), KINDS)
def test_it_is_that_of_the_scales_or_of_most_weights(
    tmp_path: Path, gpu: None, tensors: dict[str, Any], expected: int
) -> None:
    arrays = {
        name: mx.zeros((4,) if "norm" in name else (64, 8), kind) for name, kind in tensors.items()
    }
    mx.save_safetensors(str(tmp_path / "model.safetensors"), arrays)
    assert computing_bytes(tmp_path) == expected


def test_on_a_cpu_it_is_full_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(AS_VARIABLE, raising=False)
    assert computing_bytes(tmp_path) == 4


def test_a_base_in_full_precision_is_estimated_so_on_a_gpu_too(tmp_path: Path, gpu: None) -> None:
    """Two bytes were taken for every base on a GPU: 2.4 GiB said of the embedded one, 3.1 taken."""
    base = write_model(tmp_path / "base", kind="fp32")
    spec = AdapterSpec("lora", 4, 2.0, 0.0, 2, ())
    found = MlxEngine().estimate(base, spec, StepShape(256, 256, False, "adamw"))
    assert found is not None
    weights = (base / "model.safetensors").stat().st_size
    assert found[0].weights == pytest.approx(weights, rel=0.02)
