"""What a model is asked for a verdict, and how its answers are scored; asks no model."""

from dataclasses import dataclass, replace

from daemon.core.answers import Answer
from daemon.core.examples import Chat, Turn
from daemon.core.suites import ScorerName, Suite, SuiteItem
from daemon.evaluation.scores.score import Score, Wanted, score_answer
from daemon.text.encoder import Encoded, TextEncoder

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


OFFER = "You can call these functions, each described by a JSON schema:"


def suite_questions(suite: Suite, encoder: TextEncoder) -> list[Question]:
    """Return a suite's items as tokens.

    Where the template has no place for functions they stand in the system text: what cannot be
    seen cannot be called.
    """
    found = []
    for item in suite.items:
        tokens = tuple(encoder.encode_prompt(_told(item, encoder), _shown(item, encoder)))
        found.append(Question(suite.name, item, suite.scorer, tokens, suite.max_tokens))
    return found


def golden_rows(
    suite: Suite, encoder: TextEncoder, most_tokens: int, *, offer: bool
) -> list[Encoded | None]:
    """Return each item with its first golden answer, as a model sees it in training.

    Only that answer counts. With `offer`, functions that the template hides stand in the system
    text, as `suite_questions` puts them. None where an item has no golden answer, is longer than
    `most_tokens`, or is refused by the template.
    """
    chats = {
        place: _answered(item, encoder, offer=offer)
        for place, item in enumerate(suite.items)
        if item.answers
    }
    found = dict(zip(chats, encoder.encode(list(chats.values()), most_tokens), strict=True))
    rows = (found.get(place) for place in range(len(suite.items)))
    return [row if isinstance(row, Encoded) else None for row in rows]


def _answered(item: SuiteItem, encoder: TextEncoder, *, offer: bool) -> Chat:
    told = _told(item, encoder) if offer else item.messages
    history = (replace(turn, trained=False) for turn in told)
    return Chat((*history, Turn("assistant", item.answers[0])), tools=_shown(item, encoder))


def _told(item: SuiteItem, encoder: TextEncoder) -> tuple[Turn, ...]:
    return item.messages if encoder.shows_tools else _offered(item)


def _shown(item: SuiteItem, encoder: TextEncoder) -> tuple[str, ...]:
    return item.tools if encoder.shows_tools else ()


def _offered(item: SuiteItem) -> tuple[Turn, ...]:
    if not item.tools:
        return item.messages
    offer = "\n".join((OFFER, *item.tools))
    first, *others = item.messages
    if first.role != "system":
        return (Turn("system", offer), *item.messages)
    return (Turn("system", f"{first.content}\n\n{offer}"), *others)
