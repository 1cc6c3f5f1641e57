"""The peak learning rate of a run where none is set: by the base's width, and the adapter.

Measured with one base, 576 wide; for wider ones, higher ranks and stronger adapters it falls as
published practice has it (docs/decisions/0023-learning-rates.md).
"""

RATE = 5e-4
"""Of a base of `WIDTH` with an adapter of `RANK` and `SCALE`, and the most that is chosen."""

WIDTH, RANK, SCALE = 576, 16, 2.0

WIDTH_POWER = 0.78
"""How the best rate falls with the width, fitted over Llama models by others."""

RANK_POWER = 0.63
"""Measured: at a fixed scale a step moves an adapted layer further, the higher the rank is."""


def default_rate(width: int | None, rank: int, scale: float) -> float:
    """Return the peak rate; bases whose width is not known count as narrow ones."""
    shares = (
        (WIDTH / width) ** WIDTH_POWER if width else 1.0,
        (RANK / rank) ** RANK_POWER,
        SCALE / scale,
    )
    rate = RATE
    for share in shares:
        # Never above what was measured: a rate too low costs time, one too high the model.
        rate *= min(1.0, share)
    return float(f"{rate:.2g}")
