"""Checks that a run resumes from its commit, and that the trunk cache returns the same bits."""

from pathlib import Path
from time import perf_counter
from typing import Any

from daemon.model.backend import mx
from daemon.self_check.finding import CheckContext, CheckResult, bounded, together
from daemon.self_check.gradients import apart, passes_of
from daemon.self_check.tiny import SPEC, texts, write_base
from daemon.settings import TrainingSettings
from daemon.training.engine.mlx import MlxEngine
from daemon.training.engine.trunk_cache import TrunkCache

STEPS = 3
RATE = 1e-3
A_STEP = 1e-5
"""How much a step may differ where sums are not bit-identical."""

STATE = (4, 64, 256)


def resumed(place: CheckContext) -> CheckResult:
    """Compare three steps, a commit, a reload and three more with six steps."""
    base = write_base(place.folder / "resume")
    commit = place.folder / "resume" / "commit"
    commit.mkdir()
    whole = _loaded(base, place.folder)
    _go(whole, 0, 2 * STEPS)
    before = _loaded(base, place.folder)
    _go(before, 0, STEPS)
    before.save(commit)
    after = _loaded(base, place.folder)
    after.restore(commit)
    _go(after, STEPS, 2 * STEPS)
    return _compared(_adapter(whole, place.folder), _adapter(after, place.folder))


def _compared(whole: dict[str, Any], after: dict[str, Any]) -> CheckResult:
    if all(mx.array_equal(whole[name], after[name]).item() for name in whole):
        return CheckResult(
            "ok", "six steps and three, a commit and three more end in the same bits"
        )
    return bounded(
        "six steps and three, a commit and three more", apart(after, whole), 2 * STEPS * A_STEP
    )


def _loaded(base: Path, scratch: Path) -> MlxEngine:
    engine = MlxEngine()
    training = TrainingSettings(row_tokens=64, pass_tokens=128, kept_bytes=0)
    engine.load(base, SPEC, training, None, 5, scratch, None)
    return engine


def _go(engine: MlxEngine, first: int, last: int) -> None:
    for number in range(first, last):
        engine.step(passes_of(texts(4, number), engine.shapes), RATE, number)


def _adapter(engine: MlxEngine, scratch: Path) -> dict[str, Any]:
    folder = scratch / "resume" / f"end-{id(engine)}"
    folder.mkdir()
    engine.save(folder)
    found: Any = mx.load(str(folder / "adapters.safetensors"))
    mx.eval(found)
    return dict(found)


def trunk_cache(place: CheckContext) -> CheckResult:
    """Write outputs of frozen layers to the disk and read them back."""
    kinds = {"float32": mx.float32, "bfloat16": mx.bfloat16}
    return together({name: _cached(place.folder, kind) for name, kind in kinds.items()})


def _cached(folder: Path, kind: Any) -> CheckResult:
    cache = TrunkCache(folder, 2**30)
    state = mx.random.normal(STATE).astype(kind)
    mx.eval(state)
    cache.put(b"one", state, 1.0)
    began_s = perf_counter()
    found = cache.get(b"one")
    took_ms = 1000 * (perf_counter() - began_s)
    cache.close()
    same = found is not None and bool(mx.array_equal(found, state).item())
    words = f"{state.nbytes / 2**20:.1f} MiB read back "
    words += f"bit-identical in {took_ms:.1f} ms" if same else "changed"
    return CheckResult("ok" if same else "wrong", words, {"milliseconds": took_ms})
