"""Nothing is wired down unless that is asked for; a Mac stands there as what MLX says of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.evaluation.answers import AnswerLimits
from daemon.core.evaluation.sampling import Sampling
from daemon.core.training.footprint import Estimate
from daemon.model import machine
from daemon.model.backend import mx
from daemon.model.generation import answer_batch, stream
from daemon.model.loading import load_model
from daemon.serving.mlx_engine import MlxEngine
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import make_workspace

GIB = 2**30
NEED = Estimate(2 * GIB, 1, 2, 3, 3 * GIB, GIB, 0)
LARGE = machine.MachineMemory(64 * GIB, 48 * GIB, 40 * GIB)


@pytest.fixture
def wired(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """What is wired down on a Mac of 16 GB that recommends two thirds of it."""
    asked: list[int] = []

    def wire(limit: int) -> int:
        asked.append(limit)
        return 0

    facts = {"max_recommended_working_set_size": 10 * GIB, "memory_size": 16 * GIB}
    monkeypatch.setattr(mx, "set_wired_limit", wire)
    monkeypatch.setattr(mx, "device_info", lambda *_: facts)
    yield asked


@pytest.fixture
def base(tmp_path: Path) -> Path:
    workspace = make_workspace(tmp_path / "w", TinyEngine())
    return workspace.layout.base(workspace.facts.name)


def test_answers_of_all_kinds_wire_nothing(base: Path, wired: list[int]) -> None:
    """mlx-lm wired the whole recommended working set, in each process, as long as it answered."""
    model, tokenizer = load_model(base)
    prompts = [[5, 6, 7], [8, 9]]
    assert answer_batch(model, tokenizer, prompts, AnswerLimits(3), lambda: False) is not None
    list(stream(model, tokenizer, [5, 6, 7], Sampling(max_tokens=3)))
    assert wired == []


def test_a_server_wires_nothing_all_its_life(base: Path, wired: list[int]) -> None:
    """It wired the whole recommended working set from its start to its end."""
    engine = MlxEngine(2)
    engine.load(base)
    engine.unload()
    assert wired == []


def test_a_release_of_mlx_lm_that_wires_in_another_way_is_not_taken_silently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from daemon.model import wiring

    monkeypatch.setattr(wiring, "NAME", "wire_in_another_way")
    with pytest.raises(ImportError, match="how does this release wire memory"):
        wiring.keep_mlx_lm_from_wiring()


def test_a_run_wires_only_if_that_is_asked_for_and_much_is_left() -> None:
    """A trainer wired its weights always, beside a server that wired as much."""
    assert machine.limits_for(NEED, LARGE).wired == 0
    assert machine.limits_for(NEED, LARGE, wire=True).wired == NEED.resident
    assert machine.limits_for(None, LARGE, wire=True).wired == 0


@pytest.mark.parametrize(("physical", "wires"), [(8, False), (10, False), (11, True), (16, True)])
def test_at_least_8_gib_and_a_third_of_the_memory_stay_beside_what_is_wired(
    physical: int, wires: bool
) -> None:
    there = machine.MachineMemory(physical * GIB, physical * GIB // 3 * 2, 0)
    assert (machine.limits_for(NEED, there, wire=True).wired > 0) is wires
    large = Estimate(30 * GIB, 1, 2, 3, 0, 0, 0)
    assert machine.limits_for(large, machine.MachineMemory(48 * GIB, 40 * GIB, 0), wire=True).wired
    larger: Any = Estimate(32 * GIB, 1, 2, 3, 0, 0, 0)
    assert not machine.limits_for(
        larger, machine.MachineMemory(48 * GIB, 40 * GIB, 0), wire=True
    ).wired
