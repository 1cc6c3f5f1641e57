"""What few shapes cost: padding, and head positions that say nothing, by kind of texts."""

from collections.abc import Callable

import numpy as np

from daemon.core.training.packing import RowShapes, lay_out

STEPS = 250
BATCH_ROWS = 8
KINDS: dict[str, tuple[Callable[[np.random.Generator], int], float]] = {
    "short rows": (lambda draw: int(draw.integers(20, 81)), 0.4),
    "chats": (lambda draw: int(np.clip(draw.lognormal(5.3, 0.6), 40, 1024)), 0.5),
    "long rows": (lambda draw: int(draw.integers(500, 1025)), 0.3),
}
"""How long a text is, and which share of it is supervised."""

SHAPES = {"GPU": RowShapes(1024, 2048, few=True), "CPU": RowShapes(256, 256)}


def main() -> None:
    print("| texts | shapes | computed / real | head / supervised | shapes compiled |")
    print("| --- | --- | --- | --- | --- |")
    for kind, (length, share) in KINDS.items():
        for name, shapes in SHAPES.items():
            computed, head, compiled = waste(length, share, shapes)
            print(
                f"| {kind} | {name} | {computed:.2f} | {head:.2f} | "
                f"{compiled if shapes.few else 'none'} |"
            )


def waste(
    length: Callable[[np.random.Generator], int], share: float, shapes: RowShapes
) -> tuple[float, float, int]:
    """Return computed for real tokens, head positions for supervised ones, and shapes."""
    draw = np.random.default_rng(0)
    real = computed = supervised = head = 0
    compiled = set()
    for _ in range(STEPS):
        lengths = [length(draw) for _ in range(BATCH_ROWS)]
        for item in lay_out(range(BATCH_ROWS), lengths, shapes):
            positions = shapes.height(item.width, len(item.rows)) * item.width
            count = sum(int(lengths[text] * share) for text in item.texts)
            picks = shapes.picks(count, positions)
            real += sum(lengths[text] for text in item.texts)
            computed, supervised, head = computed + positions, supervised + count, head + picks
            masked = any(len(row) > 1 for row in item.rows)
            compiled.add((item.width, positions, picks, masked))
    return computed / real, head / supervised, len(compiled)


if __name__ == "__main__":
    main()
