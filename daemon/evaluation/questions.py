"""Turns hold-out rows and suite items into prompts, and scores the answers to them."""

from dataclasses import dataclass, replace

from daemon.core.evaluation.answers import Answer
from daemon.core.evaluation.suites import ScorerName, Suite, SuiteItem
from daemon.core.rows.examples import Chat, Turn, answer_of
from daemon.evaluation.scores.call_forms import read_calls
from daemon.evaluation.scores.calls import compare_calls
from daemon.evaluation.scores.overlap import chrf
from daemon.evaluation.scores.score import Score, is_right, score_answer
from daemon.evaluation.scores.thoughts import without_thought
from daemon.evaluation.writing import ExpectedWriting
from daemon.text.encoder import Encoded, TextEncoder, Unfit

PROMPT_CHARACTERS = 500
"""Characters of a question that people are shown."""


@dataclass(frozen=True)
class Question:
    """One item of a hold-out or a suite, with its prompt as tokens."""

    set: str
    """The hold-out or the suite it belongs to."""
    item: SuiteItem
    scorer: ScorerName
    """The set's scorer; an item may have its own."""
    tokens: tuple[int, ...]
    max_tokens: int
    """Longest answer."""
    job: str | None = None
    """For a hold-out row: the job it was split off from."""

    @property
    def text(self) -> str:
        """The start of the question, for people."""
        return self.item.messages[-1].content[:PROMPT_CHARACTERS]

    @property
    def golden(self) -> str:
        """The first of the accepted answers; empty if there is none."""
        return self.item.answers[0] if self.item.answers else ""

    @property
    def scored_by(self) -> ScorerName:
        """How its answers are scored."""
        return self.item.scorer or self.scorer

    def is_right(self, answer: str) -> bool | None:
        """Return whether an answer is right; None without a golden answer."""
        return is_right(self.scorer, self.item, answer)

    def likeness(self, answer: str) -> float | None:
        """Return the similarity of an answer and a golden one, from 0 to 1; None without one."""
        goldens = self.item.answers
        if not goldens:
            return None
        texts = (*goldens, without_thought(answer, goldens))
        if self.scored_by == "calls":
            texts = tuple(read_calls(text, after_text=True).words for text in texts)
        return round(chrf(texts[:-1], texts[-1]), 4)

    def score(self, answer: Answer, wanted: ExpectedWriting) -> Score:
        """Score an answer, its writing by the habit of the question's file or suite."""
        how = wanted.of(self.set, self.job)
        return score_answer(self.scorer, self.item, answer.text, how, answer.confidence)


OFFER = "You can call these functions, each described by a JSON schema:"


def suite_questions(suite: Suite, encoder: TextEncoder) -> list[Question]:
    """Return a suite's items as tokens.

    Where the template does not show functions they are put into the system text, so that the
    model can call them.
    """
    found = []
    for item in suite.items:
        tokens = tuple(encoder.encode_prompt(_messages(item, encoder), _tools(item, encoder)))
        found.append(Question(suite.name, item, suite.scorer, tokens, suite.max_tokens))
    return found


def golden_rows(
    suite: Suite, encoder: TextEncoder, most_tokens: int, *, offer: bool
) -> list[Encoded | None]:
    """Return each item with its first golden answer, encoded as in training.

    Only that answer is supervised. With `offer`, functions that the template does not show are put
    into the system text, as by `suite_questions`. None if an item has no golden answer, is
    longer than `most_tokens`, or is refused by the template.
    """
    places = [place for place, item in enumerate(suite.items) if item.answers]
    found: dict[int, Encoded | Unfit] = {}
    # For a template that cannot render these calls (Llama: several at once) they become text.
    for render in (_golden_turn, _golden_text):
        left = [place for place in places if not isinstance(found.get(place), Encoded)]
        chats = [
            _answered(
                item := suite.items[place], render(suite, item, encoder), encoder, offer=offer
            )
            for place in left
        ]
        found |= zip(left, encoder.encode(chats, most_tokens), strict=True)
    rows = (found.get(place) for place in range(len(suite.items)))
    return [row if isinstance(row, Encoded) else None for row in rows]


def _golden_turn(suite: Suite, item: SuiteItem, encoder: TextEncoder) -> Turn:
    """Return the golden answer as a turn; the template renders its calls."""
    if (item.scorer or suite.scorer) == "calls" and encoder.writes_calls:
        reading = read_calls(item.answers[0], after_text=True)
        if reading.calls is not None:
            return reading.as_turn
    return _golden_text(suite, item, encoder)


def _golden_text(_suite: Suite, item: SuiteItem, _encoder: TextEncoder) -> Turn:
    return Turn("assistant", item.answers[0])


def _answered(item: SuiteItem, golden: Turn, encoder: TextEncoder, *, offer: bool) -> Chat:
    messages = _messages(item, encoder) if offer else item.messages
    history = (replace(turn, trained=False) for turn in messages)
    return Chat((*history, golden), tools=_tools(item, encoder))


def golden_answers(example: Chat, encoder: TextEncoder) -> tuple[str, ...]:
    """Return the accepted answers to a row; calls as the template renders them.

    Where these cannot be parsed back (the template leaves calls out, or uses an unknown format),
    the calls as JSON are accepted too.
    """
    own = answer_of(example)
    if not example.turns[-1].calls:
        return (own,)
    written = encoder.last_answer(example)
    calls = read_calls(written, after_text=True).calls
    if calls is not None and compare_calls(own, written).correct:
        return (written,)
    names = (call.name in written for call in example.turns[-1].calls)
    return (written, own) if all(names) else (own,)


def _messages(item: SuiteItem, encoder: TextEncoder) -> tuple[Turn, ...]:
    return item.messages if encoder.shows_tools else _with_offer(item)


def _tools(item: SuiteItem, encoder: TextEncoder) -> tuple[str, ...]:
    return item.tools if encoder.shows_tools else ()


def _with_offer(item: SuiteItem) -> tuple[Turn, ...]:
    if not item.tools:
        return item.messages
    offer = "\n".join((OFFER, *item.tools))
    first, *others = item.messages
    if first.role != "system":
        return (Turn("system", offer), *item.messages)
    return (Turn("system", f"{first.content}\n\n{offer}"), *others)
