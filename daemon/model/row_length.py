"""Measures which length of packed rows, and which row layout, is fastest on this machine."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from daemon.core.training.row_layout import RowCosts
from daemon.model.anatomy import Anatomy
from daemon.model.backend import mx, on_cpu
from daemon.model.packing_masks import packing_masks, segments_of

CPU_LENGTHS = (128, 192, 256)
"""Longer rows cost more on every model measured: of 384 tokens 5 to 53 %, of 512 34 to 95 %."""
GPU_LENGTHS = (256, 512, 1024, 2048)
TEXT_TOKENS = 64
"""Tokens of each text in a trial row."""

TRIES = 3
ROUNDS = 2
MOST_S = 5.0
"""If the measurement takes longer, the machine is busy with something else."""

SLOW_MOST_S = 30.0
"""The same where the first trial shows that the model is large for this machine."""

CLOSE = 1.03
"""A longer row is preferred if it is slower by less than this: fewer rows stay partly empty."""


def best_row_tokens(anatomy: Anatomy, pass_tokens: int) -> int | None:
    """Return the length at which a token costs least in the last layer, forward and backward.

    The other layers are alike; what matters is attention, whose cost grows with the length. None
    where two rounds disagree or take too long: the machine is busy with something else.
    """
    if anatomy.layers_name is None:
        return None
    lengths = CPU_LENGTHS if on_cpu() else GPU_LENGTHS
    began_s = perf_counter()
    tokens, most_s = pass_tokens, MOST_S
    shortest, _ = _trial(anatomy, lengths[0], tokens)
    if _seconds(shortest) * len(lengths) * TRIES * ROUNDS > MOST_S:
        # Such a large model uses the whole machine with a single row, and takes its time.
        tokens, most_s = lengths[0], SLOW_MOST_S
    trials = {length: _trial(anatomy, length, tokens) for length in lengths}
    chosen: list[int] = []
    while len(chosen) < ROUNDS and perf_counter() - began_s < most_s:
        chosen.append(choose(_round(trials)))
    return chosen[0] if len(chosen) == ROUNDS and len(set(chosen)) == 1 else None


def trial_tokens(pass_tokens: int) -> int:
    """Return for how many tokens `best_row_tokens` computes a layer, at least."""
    lengths = CPU_LENGTHS if on_cpu() else GPU_LENGTHS
    first = lengths[0] if on_cpu() else max(lengths[0], pass_tokens)
    return 2 * first + (1 + TRIES * ROUNDS) * sum(lengths)


def row_costs(anatomy: Anatomy, row_tokens: int, pass_tokens: int) -> RowCosts | None:
    """Return what a token costs in packed rows and in rows of one text; None for unknown layers."""
    if anatomy.layers_name is None:
        return None
    lengths = [length for length in GPU_LENGTHS if length <= pass_tokens]
    began_s = perf_counter()
    # 0 stands for the packed row.
    trials = {0: _trial(anatomy, row_tokens, pass_tokens)}
    trials |= {length: _trial(anatomy, length, pass_tokens, masked=False) for length in lengths}
    costs = _round(trials)
    if perf_counter() - began_s < MOST_S:
        costs = {name: min(cost, costs[name]) for name, cost in _round(trials).items()}
    return RowCosts(row_tokens, costs.pop(0), costs)


def choose(costs: dict[int, float]) -> int:
    """Return the longest length whose cost for a token is close to the least."""
    least = min(costs.values())
    return max(length for length, cost in costs.items() if cost <= CLOSE * least)


def _round(trials: dict[int, tuple[Callable[[], None], int]]) -> dict[int, float]:
    """Return seconds a token, by length: the best of a few tries, the lengths in turn."""
    costs = dict.fromkeys(trials, float("inf"))
    for _ in range(TRIES):
        for length, (trial, tokens) in trials.items():
            costs[length] = min(costs[length], _seconds(trial) / tokens)
    return costs


def _seconds(trial: Callable[[], None]) -> float:
    began_s = perf_counter()
    trial()
    return perf_counter() - began_s


def _trial(
    anatomy: Anatomy, length: int, pass_tokens: int, masked: bool = True
) -> tuple[Callable[[], None], int]:
    """Return the function to time for a length, and its tokens; `masked` rows are packed ones."""
    rows = 1 if on_cpu() else max(1, pass_tokens // length)
    tokens = mx.zeros((rows, length), mx.int32)
    segments = mx.array(segments_of([[TEXT_TOKENS] * (length // TEXT_TOKENS)] * rows, length))
    last = len(anatomy.layers) - 1
    hidden = anatomy.hidden(tokens[:1, :8])
    state = mx.random.normal((rows, length, hidden.shape[-1])).astype(hidden.dtype)

    cache = packing_masks(last + 1, segments) if masked else None

    def total(given: Any) -> Any:
        found = anatomy.hidden_above(last, given, tokens, cache)
        return found.astype(mx.float32).sum()

    differentiate = mx.grad(total)

    def run() -> None:
        mx.eval(differentiate(state))

    run()
    return run, rows * length
