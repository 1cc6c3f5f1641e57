"""What a model is asked for a verdict, and how its answers are scored; asks no model."""

from dataclasses import dataclass, replace

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.suites import ScorerName, Suite, SuiteItem
from daemon.core.rows.examples import Chat, Turn, answer_of
from daemon.evaluation.scores.call_forms import read_calls
from daemon.evaluation.scores.calls import compare_calls
from daemon.evaluation.scores.overlap import chrf
from daemon.evaluation.scores.score import ExpectedStyle, Score, is_right, score_answer
from daemon.evaluation.scores.thoughts import without_thought
from daemon.text.encoder import Encoded, TextEncoder, Unfit

PROMPT_CHARACTERS = 500
"""Of a question, for people."""


@dataclass(frozen=True)
class Question:
    """One item of a hold-out or a suite, as the tokens a model is given."""

    set: str
    """The hold-out or the suite it belongs to."""
    item: SuiteItem
    scorer: ScorerName
    """Of the set; an item may have its own."""
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

    @property
    def scored_by(self) -> ScorerName:
        """How its answers are scored."""
        return self.item.scorer or self.scorer

    def is_right(self, answer: str) -> bool | None:
        """Return whether an answer is right; None where nobody said what is."""
        return is_right(self.scorer, self.item, answer)

    def likeness(self, answer: str) -> float | None:
        """Return how alike an answer and a golden one are, from 0 to 1; None without one."""
        goldens = self.item.answers
        if not goldens:
            return None
        texts = (*goldens, without_thought(answer, goldens))
        if self.scored_by == "calls":
            texts = tuple(read_calls(text, after_text=True).words for text in texts)
        return round(chrf(texts[:-1], texts[-1]), 4)

    def score(self, said: Answer, wanted: ExpectedStyle | None = None) -> Score:
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
    places = [place for place, item in enumerate(suite.items) if item.answers]
    found: dict[int, Encoded | Unfit] = {}
    # A template that cannot write these calls (Llama: several at once) is given them as text.
    for way in (_golden_turn, _golden_text):
        left = [place for place in places if not isinstance(found.get(place), Encoded)]
        chats = [
            _answered(item := suite.items[place], way(suite, item, encoder), encoder, offer=offer)
            for place in left
        ]
        found |= zip(left, encoder.encode(chats, most_tokens), strict=True)
    rows = (found.get(place) for place in range(len(suite.items)))
    return [row if isinstance(row, Encoded) else None for row in rows]


def _golden_turn(suite: Suite, item: SuiteItem, encoder: TextEncoder) -> Turn:
    """Return the golden answer as a turn; its calls are written as the template does."""
    if (item.scorer or suite.scorer) == "calls" and encoder.writes_calls:
        reading = read_calls(item.answers[0], after_text=True)
        if reading.calls is not None:
            return reading.as_turn
    return _golden_text(suite, item, encoder)


def _golden_text(_suite: Suite, item: SuiteItem, _encoder: TextEncoder) -> Turn:
    return Turn("assistant", item.answers[0])


def _answered(item: SuiteItem, golden: Turn, encoder: TextEncoder, *, offer: bool) -> Chat:
    told = _told(item, encoder) if offer else item.messages
    history = (replace(turn, trained=False) for turn in told)
    return Chat((*history, golden), tools=_shown(item, encoder))


def golden_answers(example: Chat, encoder: TextEncoder) -> tuple[str, ...]:
    """Return the accepted answers to a row; calls as the template writes them.

    Where that cannot be read back (the template leaves calls out, or has an unknown form), the
    calls as JSON are accepted too.
    """
    own = answer_of(example)
    if not example.turns[-1].calls:
        return (own,)
    written = encoder.last_answer(example)
    there = read_calls(written, after_text=True).calls
    if there is not None and compare_calls(own, written).correct:
        return (written,)
    names = (call.name in written for call in example.turns[-1].calls)
    return (written, own) if all(names) else (own,)


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
