"""Decides about two examples: whether they ask one thing, and what their answers make of them."""

from dataclasses import dataclass

from daemon.core.rows.examples import Example, Text, first_question
from daemon.dedup.answers import NEAR, Verdict, completes, is_near, settle
from daemon.dedup.families import question_text
from daemon.dedup.likeness import Likeness, same_question
from daemon.dedup.questions import ComparedQuestion, context_of, parts_of
from daemon.dedup.sealing import Sealer
from daemon.dedup.wording import Words


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared of one example."""

    question: ComparedQuestion
    answer: str
    plain: bool
    """It is plain text."""
    group: str | None
    variant_of: str | None
    """The question that it is a variant of."""
    first: str
    """Its own first question."""

    def is_kin(self, other: "Side", words: Words) -> bool:
        """Return whether both are declared to be variants of one example."""
        if self.group is not None and self.group == other.group:
            return True
        if self.variant_of is None and other.variant_of is None:
            return False
        mine, its = (
            None if side.variant_of is None else question_text(side.variant_of, words)
            for side in (self, other)
        )
        if mine:
            return mine in (question_text(other.first, words), its)
        return bool(its) and its == question_text(self.first, words)


class Judge:
    """Decides about two examples; remembers words."""

    def __init__(self, sealer: Sealer, near: float = NEAR / 100) -> None:
        """`near` is the least likeness of questions and answers, as a share."""
        self._sealer = sealer
        self._near = 100 * near

    def side(self, example: Example) -> Side:
        """Return what is compared of an example."""
        parts = parts_of(example)
        return Side(
            ComparedQuestion(context_of(parts), parts.turn),
            parts.answer,
            isinstance(example, Text),
            example.group,
            example.variant_of,
            first_question(example),
        )

    def ask_alike(self, one: ComparedQuestion, other: ComparedQuestion) -> Likeness | None:
        """Return how near two questions are, whatever the rows are otherwise."""
        return one.likeness(other, self._near)

    def are_kin(self, one: Side, other: Side) -> bool:
        """Return whether both are declared to be variants of one example."""
        return one.is_kin(other, self._sealer.words)

    def likeness(self, one: Side, other: Side) -> Likeness | None:
        """Return how near two questions are; variants of one example are never compared."""
        if one.plain != other.plain or self.are_kin(one, other):
            return None
        likeness = self.ask_alike(one.question, other.question)
        if likeness is not None and (_names_matter(one) or _names_matter(other)):
            return likeness if one.question.name == other.question.name else None
        return likeness

    def settled(self, likeness: Likeness, one: Side, other: Side) -> Verdict:
        """Return what the answers make of two examples with one question.

        A slip of spelling may be another word after all: only an equal answer in prose says no.
        """
        if one.plain:
            return "equal"
        equal = one.question.equals(other.question)
        question = min(one.question.text, other.question.text, key=len)
        verdict = settle(question, one.answer, other.answer, equal, self._near)
        return "different" if likeness == "spelling" and verdict != "equal" else verdict

    def asks_an_item(self, example: Example, item: Example) -> Likeness | None:
        """Return how near a row asks what an item of a suite asks, whatever it answers."""
        if isinstance(example, Text) or self.are_kin(self.side(example), self.side(item)):
            return None
        likeness = same_question(self._sealer.wording(example), self._sealer.wording(item))
        if likeness == "spelling" and not self.answers_an_item(example, item):
            return None
        return likeness

    def answers_an_item(self, example: Example, item: Example) -> bool:
        """Return whether an answer is one wording of an item's, where that has any."""
        return self.answers_agree(self.side(example), self.side(item))

    def answers_agree(self, one: Side, exam: Side) -> bool:
        """Return whether an answer is one wording of an exam's, where that has any."""
        mine, its = one.answer, exam.answer
        return not its or settle(exam.question.text, mine, its, True, self._near) != "contradict"

    def corrects(self, new: Side, old: Side) -> bool:
        """Return whether a new answer to the whole question of an old one takes its place."""
        verdict = self.settled("wording", new, old)
        if verdict == "equal" or new.plain:
            return False
        if verdict == "contradict" or not is_near(new.answer, old.answer, self._near):
            return True
        return completes(new.answer, old.answer)


def _names_matter(side: Side) -> bool:
    """Return whether a question is put to somebody whom its answer names: part of it, then."""
    name = side.question.name
    return bool(name) and name in side.answer.casefold()
