"""The rows of the speed table: what is trained, against whom, and how much is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.real_rows import Row, chat, dialogues, questions, short_and_long, short_chats

BATCH_ROWS = 4
"""Rows of a step, on both sides: mlx-lm's default."""

Kind = Literal["trainer", "dropped file", "limit", "command"]


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    against: str
    kind: Kind
    rows: Callable[[bool], list[Row]]
    """The rows for a quick look, or for the full table."""
    wanted: float
    """Least ratio of speeds, or share of the limit."""
    wanted_memory: float | None = None
    """Most of the other side's peak memory."""
    epochs: int = 1
    from_epoch: int = 1
    """Steps of earlier epochs are not timed."""
    num_layers: int = 16
    batch_rows: int = BATCH_ROWS
    as_installed: bool = False
    """The other side has its own BLAS and the model as it is shipped."""
    rounds: int | None = None
    """How often each side runs, where it is fewer than elsewhere."""
    note: str = ""


def new_questions(first: int, count: int) -> list[Row]:
    """Return short questions about building with their answers."""
    return [chat((asked, answer)) for _, asked, answer in questions()[first : first + count]]


CASES = (
    Case(
        "installed",
        "`mlx_lm.lora` as installed (bundled BLAS, model as shipped)",
        "trainer",
        lambda quick: short_chats(4 if quick else 8),
        25,
        0.4,
        as_installed=True,
        note="the gain is mostly BLAS and dtype",
    ),
    Case(
        "short",
        "mlx-lm's trainer, same BLAS, fp32: short chats",
        "trainer",
        lambda quick: short_chats(12 if quick else 64),
        2,
        0.4,
    ),
    Case(
        "mixed",
        "the same: short and long rows",
        "trainer",
        lambda quick: short_and_long(8 if quick else 32),
        2.5,
        0.4,
    ),
    Case(
        "later",
        "the same, from the second epoch on, last 8 of 30 layers",
        "trainer",
        lambda quick: short_chats(8 if quick else 32),
        3,
        0.4,
        epochs=2,
        from_epoch=2,
        num_layers=8,
    ),
    Case(
        "growing",
        "the same: ten-turn chats logged as growing requests, dropped as a file",
        "dropped file",
        lambda quick: dialogues(2 if quick else 8),
        8,
    ),
    Case(
        "limit",
        "the limit: training / (forward only / 2), all layers",
        "limit",
        lambda quick: short_chats(12 if quick else 64),
        0.9,
        num_layers=-1,
    ),
    Case(
        "warm",
        "50 rows dropped until promoted, daemon warm, against a fresh "
        "`mlx_lm.lora --resume-adapter-file` with the same BLAS, fp32",
        "command",
        lambda quick: new_questions(100, 10 if quick else 50),
        5,
        batch_rows=5,
    ),
    Case(
        "warm-installed",
        "the same against `mlx_lm.lora` as installed",
        "command",
        lambda quick: new_questions(100, 10 if quick else 50),
        5,
        batch_rows=5,
        as_installed=True,
        rounds=1,
    ),
)
