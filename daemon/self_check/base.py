"""Checks with a real base model: memory against its estimate, lengths of rows, and their speed."""

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
"""As the settings are without a word of the user's."""

MIB = 2**20
OVER = 1.25
"""A peak may be so many times its estimate."""

LENGTHS_CPU, LENGTHS_GPU = (128, 256), (256, 512, 1024, 2048)
MOST_S = 40.0
"""No length of rows is tried that would not be done after so long."""

STEPS = 2
"""At each length, of which the second is timed."""

CHOICE_S = 20.0
"""Training's own choice of a length is not made where that would take longer."""

MEMORY_S = 20.0
"""A shape at which one step would take longer is halved before its memory is looked at."""

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
    """Make the model ready in a folder of the check's own."""
    found = bases.prepare(Layout(folder / "base"), base)
    words = f"{found.architecture}, {found.num_layers} layers, {found.dtype}"
    home = Layout(folder / "base").base(found.name)
    return _Base(home, words, found.fingerprint, found.num_layers)


def folder_of(place: CheckContext) -> Path | None:
    """Return the prepared base's directory; None where there is no base."""
    return None if place.base is None else _ready(place.base, place.folder).folder


def texts_share_rows(place: CheckContext) -> CheckResult:
    """Look whether the base keeps texts in a row apart."""
    if place.base is None:
        return NO_BASE
    base = _ready(place.base, place.folder)
    engine = _engine()
    # The engine tries each base that it reads: once is enough.
    _load(engine, base.folder, place.folder, TEXT_TOKENS, TEXT_TOKENS)
    found = packing.judged(engine.packing)
    # A model that needs a row for each text is trained rightly, only slower.
    state: State = "said" if found.state == "wrong" and not found.figures["packs"] else found.state
    return CheckResult(state, f"{base.words}: {found.words}", found.figures)


@cache
def _engine() -> MlxEngine:
    """Return the one engine of this process: it keeps the base that it has read."""
    return MlxEngine()


@dataclass(frozen=True)
class _Step:
    """The first step of a shape: bytes beside its estimate, and how long it took."""

    said: Estimate | None
    peak: int
    grown: int
    seconds: float


@cache
def _step(base: Path, scratch: Path, row: int, tokens: int) -> _Step:
    """Take one step; a shape that was taken before is not taken again."""
    engine = _engine()
    said = engine.estimate(base, SPEC, StepShape(tokens, row, False, "adamw"))
    before = engine.memory()["footprint"]
    _load(engine, base, scratch, row, tokens)
    engine.forget_peak()
    began_s = perf_counter()
    engine.step(_one_pass(row, tokens), 1e-4, 1)
    seconds, after = perf_counter() - began_s, engine.memory()
    grown = after["footprint"] - before
    return _Step(said and said[0], after["peak"], grown, seconds)


def _first_speed(base: Path, scratch: Path) -> float:
    """Return tokens a second of one short step: by it, what would take too long is left out."""
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
    if step.said is None:
        return CheckResult("left out", "models of this kind are not estimated")
    return _judged(step.peak, step.said, step.grown)


def _judged(peak: int, said: Estimate, grown: int) -> CheckResult:
    state: State = "ok" if peak <= OVER * said.total else "wrong"
    words = (
        f"{said.total / MIB:.0f} MiB estimated, {peak / MIB:.0f} counted by MLX at the peak, the "
        f"process {grown / MIB:+.0f}"
    )
    return CheckResult(state, words, {"estimate": said.total, "peak": peak, "process": grown})


def row_lengths(place: CheckContext) -> CheckResult:
    """Time a step at several lengths of rows, and say which one training would choose."""
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
    """Return the length that training would choose, and the words for it."""
    engine = _engine()
    seconds = trial_tokens(engine.usual_tokens[1]) / base.layers / speed
    if seconds > CHOICE_S:
        return None, f"none was chosen: measuring that would take {seconds:.0f} s here"
    chosen = engine.best_row_tokens(base.folder)
    if chosen is None:
        return None, "none could be chosen: the machine is busy"
    return chosen, f"chosen: {chosen}"


def _lengths() -> tuple[int, ...]:
    return LENGTHS_CPU if on_cpu() else LENGTHS_GPU


def _speeds(base: Path, scratch: Path) -> dict[int, float]:
    """Return tokens a second by length of rows, as many lengths as there is time for."""
    speeds: dict[int, float] = {}
    speed, began_s = _first_speed(base, scratch), perf_counter()
    for length in _lengths():
        tokens = max(length, _engine().usual_tokens[1])
        # A slow machine gains nothing from more than one row at once.
        tokens = tokens if STEPS * tokens / speed < MOST_S / len(LENGTHS_GPU) else length
        left_s = MOST_S - (perf_counter() - began_s)
        if STEPS * tokens / speed < left_s and _fits(base, length, tokens):
            speed = speeds[length] = _tokens_per_s(base, scratch, length, tokens)
    return speeds


def _fits(base: Path, length: int, tokens: int) -> bool:
    said = _engine().estimate(base, SPEC, StepShape(tokens, length, False, "adamw"))
    return said is None or said[0].total <= said[1]


def _tokens_per_s(base: Path, scratch: Path, length: int, tokens: int) -> float:
    engine = _engine()
    _load(engine, base, scratch, length, tokens)
    passes = _one_pass(length, tokens)
    # The first one compiles.
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
