"""What a model said to one prompt, and what it was allowed; values."""

import math
from dataclasses import dataclass

from daemon.core.evaluation.answer_memory import ANSWERS_MOST


@dataclass(frozen=True)
class AnswerLimits:
    """Where an answer is cut off."""

    tokens: int
    seconds: float = math.inf
    """From its first token on; answers that are made together share the machine."""
    at_once: int = ANSWERS_MOST
    """Answers in the making side by side; one that is done gives its place to the next."""


@dataclass(frozen=True)
class Answer:
    """One answer, and how sure the model was of it."""

    text: str
    tokens: int = 0
    """Without the one that ends the turn."""
    confidence: float | None = None
    """The geometric mean of its tokens' probabilities; None where there is none to tell."""
    ended: bool = True
    """Whether the model ended it; False where a limit of tokens or time cut it off."""
