"""What a model is asked for a verdict, and how its answers are scored; asks no model."""

from dataclasses import dataclass

from daemon.core.answers import Answer
from daemon.core.suites import ScorerName, SuiteItem
from daemon.evaluation.scores.score import Score, Wanted, score_answer

PROMPT_CHARACTERS = 500
"""Of a question, for people."""


@dataclass(frozen=True)
class Question:
    """One item of a hold-out or a suite, as the tokens a model is given."""

    set: str
    """The hold-out or the suite it belongs to."""
    item: SuiteItem
    scorer: ScorerName
    tokens: tuple[int, ...]
    max_tokens: int
    """Longest answer."""
    job: str | None = None
    """Of a hold-out row: the job it was split off from."""

    @property
    def text(self) -> str:
        """The start of what is asked, for people."""
        return self.item.messages[-1].content[:PROMPT_CHARACTERS]

    @property
    def golden(self) -> str:
        """The first of the accepted answers; empty where there is none."""
        return self.item.answers[0] if self.item.answers else ""

    def score(self, said: Answer, wanted: Wanted | None = None) -> Score:
        """Score an answer; `wanted` counts where no golden answer says how to write."""
        how = wanted if self.job is not None or not self.item.answers else None
        return score_answer(self.scorer, self.item, said.text, how, said.confidence)
