"""An answer of a model to one prompt, and the limits it was given."""

import math
from dataclasses import dataclass

from daemon.core.evaluation.answer_memory import ANSWERS_MOST


@dataclass(frozen=True)
class AnswerLimits:
    """Where an answer is cut off."""

    tokens: int
    seconds: float = math.inf
    """From its first token on; answers generated together share the machine."""
    at_once: int = ANSWERS_MOST
    """Answers generated at once; a finished one is replaced by the next."""


@dataclass(frozen=True)
class Answer:
    """One answer, and how sure the model was of it."""

    text: str
    tokens: int = 0
    """Without the token that ends the turn."""
    confidence: float | None = None
    """The geometric mean of its tokens' probabilities; None for an answer without tokens."""
    ended: bool = True
    """Whether the model ended it; False if a limit on tokens or time cut it off."""
