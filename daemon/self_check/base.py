"""Checks with a real base model: packing, memory against its estimate, speed by row length."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter

import numpy as np

from daemon.core.training.footprint import Estimate
from daemon.core.workspace.versions import AdapterSpec
from daemon.layout import Layout
from daemon.model import bases
from daemon.model.backend import on_cpu
from daemon.model.row_length import trial_tokens
from daemon.self_check import packing
from daemon.self_check.finding import CheckContext, CheckResult, State, together
from daemon.settings import TrainingSettings
from daemon.text.encoder import Encoded
from daemon.training.engine.mlx import MlxEngine
from daemon.training.engine.protocol import EncodedPass, StepShape

SPEC = AdapterSpec("lora", 16, 2.0, 0.0, 16, ())
"""The defaults of the settings."""

MIB = 2**20
OVER = 1.25
"""How many times its estimate a peak may be."""

LENGTHS_CPU, LENGTHS_GPU = (128, 256), (256, 512, 1024, 2048)
MOST_S = 40.0
"""The time limit for all row lengths; lengths that would exceed it are not tried."""

STEPS = 2
"""Steps at each length, of which the second is timed."""

CHOICE_S = 20.0
"""The row length that training would choose is not measured where that would take longer."""

MEMORY_S = 20.0
"""A shape with slower steps is halved before its memory is measured."""

TEXT_TOKENS = 64
NO_BASE = CheckResult(
    "left out", "no base model is ready here: run it in a workspace, or install one"
)


@dataclass(frozen=True)
class _Base:
    folder: Path
    words: str
    fingerprint: str
    layers: int


@cache
def _ready(base: str, folder: Path) -> _Base:
    """Prepare the model in a folder of this check."""
    found = bases.prepare(Layout(folder / "base"), base)
    words = f"{found.architecture}, {found.num_layers} layers, {found.dtype}"
    home = Layout(folder / "base").base(found.name)
    return _Base(home, words, found.fingerprint, found.num_layers)


def folder_of(place: CheckContext) -> Path | None:
    """Return the prepared base's directory; None if there is no base."""
    return None if place.base is None else _ready(place.base, place.folder).folder


def texts_share_rows(place: CheckContext) -> CheckResult:
    """Check whether the base can train packed rows."""
    if place.base is None:
        return NO_BASE
    base = _ready(place.base, place.folder)
    engine = _engine()
    # The engine measures this whenever it loads a base.
    _load(engine, base.folder, place.folder, TEXT_TOKENS, TEXT_TOKENS)
    found = packing.judged(engine.packing)
    # A model that needs a row for each text is trained correctly, only slower.
    state: State = "said" if found.state == "wrong" and not found.figures["packs"] else found.state
    return CheckResult(state, f"{base.words}: {found.words}", found.figures)


@cache
def _engine() -> MlxEngine:
    """Return the only engine of this process, which keeps the base loaded."""
    return MlxEngine()


@dataclass(frozen=True)
class _Step:
    """The first step of a shape: its estimate, its actual bytes, and how long it took."""

    estimate: Estimate | None
    peak: int
    grown: int
    seconds: float


@cache
def _step(base: Path, scratch: Path, row: int, tokens: int) -> _Step:
    """Take one step, once for each shape."""
    engine = _engine()
    estimated = engine.estimate(base, SPEC, StepShape(tokens, row, False, "adamw"))
    before = engine.memory()["footprint"]
    _load(engine, base, scratch, row, tokens)
    engine.forget_peak()
    began_s = perf_counter()
    engine.step(_one_pass(row, tokens), 1e-4, 1)
    seconds, after = perf_counter() - began_s, engine.memory()
    grown = after["footprint"] - before
    return _Step(estimated and estimated[0], after["peak"], grown, seconds)


def _first_speed(base: Path, scratch: Path) -> float:
    """Return tokens per second of one short step, by which slow checks are left out."""
    return TEXT_TOKENS / _step(base, scratch, TEXT_TOKENS, TEXT_TOKENS).seconds


def memory(place: CheckContext) -> CheckResult:
    """Compare the peak of a pass with its estimate, for the usual shape and for half of it."""
    if place.base is None:
        return NO_BASE
    base = _ready(place.base, place.folder).folder
    row, tokens = _engine().usual_tokens
    most = _first_speed(base, place.folder) * MEMORY_S
    while tokens > max(most, TEXT_TOKENS):
        row, tokens = _halved(row), _halved(tokens)
    shapes = dict.fromkeys([(row, tokens), (_halved(row), _halved(tokens))])
    return together(
        {f"{tokens} tokens": _memory(base, place.folder, row, tokens) for row, tokens in shapes}
    )


def _halved(tokens: int) -> int:
    return max(TEXT_TOKENS, tokens // 2)


def _memory(base: Path, scratch: Path, row: int, tokens: int) -> CheckResult:
    step = _step(base, scratch, row, tokens)
    if step.estimate is None:
        return CheckResult("left out", "there is no estimate for this kind of model")
    return _judged(step.peak, step.estimate, step.grown)


def _judged(peak: int, estimate: Estimate, grown: int) -> CheckResult:
    state: State = "ok" if peak <= OVER * estimate.total else "wrong"
    words = (
        f"{estimate.total / MIB:.0f} MiB estimated, {peak / MIB:.0f} at the peak by MLX's count, "
        f"the process {grown / MIB:+.0f}"
    )
    return CheckResult(state, words, {"estimate": estimate.total, "peak": peak, "process": grown})


def row_lengths(place: CheckContext) -> CheckResult:
    """Time a step at several row lengths, and report which one training would choose."""
    if place.base is None:
        return NO_BASE
    base = _ready(place.base, place.folder)
    speeds = _speeds(base.folder, place.folder)
    if not speeds:
        words = f"two steps of {_lengths()[0]} tokens would take longer than {MOST_S:.0f} s"
        return CheckResult("left out", words)
    chosen, choice = _choice(base, max(speeds.values()))
    listed = ", ".join(f"{length}: {speed:.0f}" for length, speed in speeds.items())
    figures = {
        "tokens_per_s": {str(length): round(speed, 1) for length, speed in speeds.items()},
        "row_tokens": chosen,
        "fingerprint": base.fingerprint,
    }
    return CheckResult("said", f"tokens/s by row length: {listed}; {choice}", figures)


def _choice(base: _Base, speed: float) -> tuple[int | None, str]:
    """Return the row length that training would choose, with a sentence."""
    engine = _engine()
    seconds = trial_tokens(engine.usual_tokens[1]) / base.layers / speed
    if seconds > CHOICE_S:
        return None, f"none was chosen: measuring would take {seconds:.0f} s here"
    chosen = engine.best_row_tokens(base.folder)
    if chosen is None:
        return None, "none could be chosen: the machine is busy"
    return chosen, f"chosen: {chosen}"


def _lengths() -> tuple[int, ...]:
    return LENGTHS_CPU if on_cpu() else LENGTHS_GPU


def _speeds(base: Path, scratch: Path) -> dict[int, float]:
    """Return tokens per second by row length, as many lengths as there is time for."""
    speeds: dict[int, float] = {}
    speed, began_s = _first_speed(base, scratch), perf_counter()
    for length in _lengths():
        tokens = max(length, _engine().usual_tokens[1])
        # A slow machine gains nothing from more than one row per pass.
        tokens = tokens if STEPS * tokens / speed < MOST_S / len(LENGTHS_GPU) else length
        left_s = MOST_S - (perf_counter() - began_s)
        if STEPS * tokens / speed < left_s and _fits(base, length, tokens):
            speed = speeds[length] = _tokens_per_s(base, scratch, length, tokens)
    return speeds


def _fits(base: Path, length: int, tokens: int) -> bool:
    found = _engine().estimate(base, SPEC, StepShape(tokens, length, False, "adamw"))
    return found is None or found[0].total <= found[1]


def _tokens_per_s(base: Path, scratch: Path, length: int, tokens: int) -> float:
    engine = _engine()
    _load(engine, base, scratch, length, tokens)
    passes = _one_pass(length, tokens)
    # The first step compiles.
    engine.step(passes, 1e-4, 1)
    began_s = perf_counter()
    engine.step(passes, 1e-4, 2)
    return tokens / (perf_counter() - began_s)


def _load(engine: MlxEngine, base: Path, scratch: Path, row: int, tokens: int) -> None:
    training = TrainingSettings(row_tokens=row, pass_tokens=tokens, kept_bytes=0)
    engine.load(base, SPEC, training, None, 5, scratch, None)


def _one_pass(row: int, tokens: int) -> list[EncodedPass]:
    """Return a pass of full rows, the later half of each text supervised."""
    draw = np.random.default_rng(6)
    half = np.arange(TEXT_TOKENS) >= TEXT_TOKENS // 2
    items = [
        Encoded(draw.integers(3, 300, TEXT_TOKENS).astype(np.int32), half)
        for _ in range(row // TEXT_TOKENS)
    ]
    return [EncodedPass(row, (tuple(items),) * (tokens // row))]
