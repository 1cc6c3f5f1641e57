"""A trainer that stays warm for weeks holds no more after many files than after few."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.text.encoder import TextEncoder
from daemon.training.context import TrainerContext
from daemon.training.data.rows import RowIndex
from daemon.training.engine.protocol import Engine
from daemon.training.engine.step import Stepper
from daemon.training.engine.trunk_cache import TrunkCache
from daemon.training.worker import Trainer
from tests.training.tiny_llama import TinyEngine
from tests.training.workspace import (
    SETTINGS,
    ScriptedPipe,
    Workspace,
    chats,
    make_workspace,
    silent,
)

FEW, MANY = 3, 8
MOST_TRACES = 8
"""Shapes of one file here: some widths and heights, with a mask for rows of several texts."""


class Warm:
    """One trainer that is given file after file, as a supervisor gives them."""

    def __init__(self, workspace: Workspace, engine: Engine) -> None:
        self._workspace = workspace
        self._pipe = ScriptedPipe([], silent)
        context = TrainerContext(workspace.layout, engine, self._pipe, SystemClock(), lambda: True)
        self._trainer = Trainer(context, 1)
        self._files = 0
        self._engine = engine

    @property
    def traces(self) -> int:
        """What the trainer counts as compiled, when it asks itself whether it is worn."""
        return self._engine.traces

    def train_until(self, files: int) -> None:
        """Train as many files, each a run of its own; the rows of each have other lengths."""
        training = {**SETTINGS["training"], "num_layers": 1, "row_tokens": 64, "pass_tokens": 128}
        while self._files < files:
            self._files += 1
            job, run = f"{self._files:06}-rows", f"r{self._files:06}"
            self._workspace.add_job(job, chats(3 + self._files, "word " * self._files), chats(4))
            self._workspace.ask_run(run, [job], settings={**SETTINGS, "training": training})
            self._pipe.order(say.Train(run))
            self._trainer.serve()
            assert self._pipe.kinds()[-1] == "CandidateReady"


def living(kind: type) -> int:
    """Return how many of a kind are held by anyone, what waits for the collector included."""
    return sum(isinstance(found, kind) for found in gc.get_objects())


def held() -> dict[str, int]:
    """Return what a process may only have so much of."""
    return {
        "steppers": living(Stepper),
        "traces": sum(found.traces for found in gc.get_objects() if isinstance(found, Stepper)),
        "trunk caches": living(TrunkCache),
        "tokenizers": living(TextEncoder),
        "indexes": living(RowIndex),
        "descriptors": psutil.Process().num_fds(),
        "threads": threading.active_count(),
    }


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What is let go must go by itself: a collection may come hours late where memory is large."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("few_shapes", [False, True])
@pytest.mark.usefixtures("no_collector")
def test_after_many_files_a_trainer_holds_what_it_held_after_few(
    few_shapes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few shapes steps are compiled, as on a GPU: each shape is a trace of its own.

    They were counted for ever although each file's end frees them: a fresh trainer came too soon.
    Fault D3.
    """
    monkeypatch.setattr("daemon.training.engine.mlx.on_cpu", lambda: not few_shapes)
    # Lanes are threads, and as many as others leave cores for.
    monkeypatch.setattr("daemon.model.cores.Cores.free", lambda _: 2)
    warm = Warm(make_workspace(tmp_path / "w", TinyEngine()), TinyEngine())
    warm.train_until(FEW)
    after_few = held()
    warm.train_until(MANY)
    assert warm.traces <= MOST_TRACES, "those of earlier files are freed"
    after_many = held()
    traces = (after_few.pop("traces"), after_many.pop("traces"))
    assert after_many == after_few
    assert after_many["steppers"] == 1
    assert all((1 if few_shapes else 0) <= count <= MOST_TRACES * few_shapes for count in traces)
