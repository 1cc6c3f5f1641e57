"""Expected calibration error: whether a model is right as often as it is confident.

Reference: Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3, with bins
closed on the right.
"""

import math
from collections.abc import Sequence

BINS = 10


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> float | None:
    """Return the mean gap of confidence and accuracy over bins of equal width; None without items.

    Raises:
        ValueError: the two differ in length, or a confidence is not in [0, 1].
    """
    if len(confidences) != len(right):
        raise ValueError(f"{len(confidences)} confidences for {len(right)} answers")
    if not confidences:
        return None
    gaps = [0.0] * bins
    for confidence, is_right in zip(confidences, right, strict=True):
        if not 0.0 <= confidence <= 1.0:
            raise ValueError(f"a confidence is {confidence}, not between 0 and 1")
        gaps[max(0, math.ceil(confidence * bins) - 1)] += confidence - is_right
    return sum(map(abs, gaps)) / len(confidences)
