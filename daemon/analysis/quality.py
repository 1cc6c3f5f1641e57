"""Scores the quality of a file's rows, against general rules and against the file's own habits."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from daemon.analysis import quality_rows as rows
from daemon.analysis.quality_language import UNKNOWN, code_of
from daemon.analysis.quality_rows import Columns, Measures, measure
from daemon.analysis.quality_text import MARKDOWN
from daemon.core.records import JsonObject

__all__ = ["Columns", "Measures", "QualityScorer", "keep", "measure"]

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

WEIGHTS = {
    # Training on these teaches nothing, or does harm.
    "hollow": 0.7,
    "repeats": 0.6,
    # The model would generate these itself, and some programs would interpret them.
    "template_tokens": 0.5,
    # Small faults, but the model learns them exactly.
    "cut_off": 0.4,
    "mojibake": 0.4,
    "language": 0.4,
    # Unusual is not bad: these only rank rows that are fine otherwise.
    "length": 0.2,
    "formatting": 0.1,
}
"""The most a row loses by each part; a score is the product of the remainders."""

MANY = 20
"""Fewest rows from which a file has habits of its own."""
MOST = 0.8
"""Share of rows from which a language or a kind of markdown is the file's habit."""
HABIT = 0.3
"""Share of rows from which an open end or "n/a" is the file's style or label, not a fault."""
REPEATS_FROM, REPEATS_TO = 0.3, 0.7
"""Share of repeats where the penalty begins (refrains have less) and where it is full."""
USUAL, EXTREME = 3.5, 8.0
"""Robust deviations of the log length: 3.5 is the usual bound (Iglewicz and Hoaglin, 1993)."""
LEAST_SPREAD = 0.35
"""Least spread of the log length; without it, among one-word answers a longer word is extreme."""
BINS = 20
LOWEST = 10


class QualityScorer:
    """Scores from 0 to 1 for all rows of a file, with the reasons."""

    scores: Floats
    """One a row; 1.0 without a finding."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._language = _main(columns.language)
        self._losses = self._find()
        scores = np.ones(len(columns), np.float32)
        for name, losses in self._losses.items():
            scores *= 1 - np.float32(WEIGHTS[name]) * losses.astype(np.float32)
        self.scores = scores

    def _find(self) -> dict[str, npt.NDArray[np.float16]]:
        columns, marks = self._columns, self._columns.marks
        repeats = (columns.repeated - REPEATS_FROM) / (REPEATS_TO - REPEATS_FROM)
        found = {
            "hollow": _marked(marks, rows.HOLLOW) | _unless_habit(marks, rows.NO_ANSWER),
            "repeats": np.clip(repeats, 0, 1),
            "template_tokens": _marked(marks, rows.LEFT_OVER),
            "cut_off": _marked(marks, rows.BROKEN_OFF) | _unless_habit(marks, rows.UNFINISHED),
            "mojibake": _marked(marks, rows.MOJIBAKE),
            "language": _foreign(columns.language, self._language),
            "length": _extreme(columns.answer_chars),
            "formatting": _unformatted(columns.markdown),
        }
        return {name: losses.astype(np.float16) for name, losses in found.items()}

    def parts(self, row: int) -> dict[str, float]:
        """Return a row's penalty by part, 0 to 1, without the zeros."""
        return {
            name: round(float(losses[row]), 3)
            for name, losses in self._losses.items()
            if losses[row]
        }

    def summary(self, lines: Sequence[int]) -> JsonObject:
        """Return JSON values: histogram, mean, rows by part, language and the lowest rows.

        `lines` gives each row's line in the file.
        """
        counts, _ = np.histogram(self.scores, BINS, (0.0, 1.0))
        mean = float(self.scores.mean(dtype=np.float64)) if len(self.scores) else None
        return {
            "histogram": counts.tolist(),
            "mean": None if mean is None else round(mean, 4),
            "parts": {name: int(np.count_nonzero(found)) for name, found in self._losses.items()},
            "language": code_of(self._language),
            "lowest": [self._lowest(int(row), lines) for row in self._worst()],
        }

    def _worst(self) -> npt.NDArray[np.int64]:
        poor = np.flatnonzero(self.scores < 1)
        return poor[np.argsort(self.scores[poor], kind="stable")[:LOWEST]]

    def _lowest(self, row: int, lines: Sequence[int]) -> JsonObject:
        return {
            "row": row,
            "line": lines[row],
            "score": round(float(self.scores[row]), 3),
            "parts": self.parts(row),
            "answer_chars": int(self._columns.answer_chars[row]),
            "prompt_chars": int(self._columns.prompt_chars[row]),
        }


def keep(scores: Floats, share: float) -> Flags:
    """Return a mask of the best share of rows, at least one; of equal rows the earlier.

    Raises:
        ValueError: the share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share} rows cannot be kept")
    mask = np.zeros(len(scores), np.bool_)
    # 0.7 * 10 is a hair more than 7.
    count = int(np.ceil(round(share * len(scores), 6)))
    mask[np.argsort(-scores, kind="stable")[:count]] = True
    return mask


def _marked(marks: npt.NDArray[np.uint8], mark: int) -> Flags:
    found: Flags = (marks & mark) != 0
    return found


def _unless_habit(marks: npt.NDArray[np.uint8], mark: int) -> Flags:
    found = _marked(marks, mark)
    habit = len(found) >= MANY and found.mean() >= HABIT
    return np.zeros_like(found) if habit else found


def _main(languages: npt.NDArray[np.uint32]) -> int:
    """Return the language of at least `MOST` of the rows that have one, or `UNKNOWN`."""
    judged = languages[languages != UNKNOWN]
    if len(judged) < MANY:
        return UNKNOWN
    values, counts = np.unique(judged, return_counts=True)
    return int(values[counts.argmax()]) if counts.max() >= MOST * len(judged) else UNKNOWN


def _foreign(languages: npt.NDArray[np.uint32], main: int) -> Flags:
    if main == UNKNOWN:
        return np.zeros(len(languages), np.bool_)
    foreign: Flags = (languages != main) & (languages != UNKNOWN)
    return foreign


def _extreme(lengths: npt.NDArray[np.uint32]) -> Floats:
    """Return how far each length lies outside the file's own range; 1 row in 100 is inside."""
    if len(lengths) < MANY:
        return np.zeros(len(lengths), np.float32)
    logs = np.log1p(lengths.astype(np.float32))
    low, middle, high = np.quantile(logs, (0.01, 0.5, 0.99))
    spread = max(float(np.median(np.abs(logs - middle))) * 1.4826, LEAST_SPREAD)
    low, high = min(low, middle - USUAL * spread), max(high, middle + USUAL * spread)
    beyond = np.maximum(low - logs, logs - high) / (spread * (EXTREME - USUAL))
    found: Floats = np.clip(beyond, 0, 1).astype(np.float32)
    return found


def _unformatted(markdown: npt.NDArray[np.uint8]) -> Floats:
    """Return the share of the file's usual kinds of markdown that each row lacks."""
    missing = np.zeros(len(markdown), np.float32)
    if len(markdown) < MANY:
        return missing
    usual = [kind for kind in MARKDOWN.values() if np.mean((markdown & kind) != 0) >= MOST]
    for kind in usual:
        missing += ((markdown & kind) == 0) / np.float32(len(usual))
    return missing
