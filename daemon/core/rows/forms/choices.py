"""Multiple-choice questions: the choices as text, and which of them is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.core.rows.forms.names import PLACES, known_as
from daemon.core.rows.forms.parts import decoded, plain_text
from daemon.core.rows.refusal import Bad

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HINT = "write the letter, the number or the text of a choice as the answer"
LABEL_KEYS = ("label", "key", "letter", "id", "option", "name")
TEXT_KEYS = ("text", "value", "content", "answer", "choice")


@dataclass(frozen=True, slots=True)
class AnswerChoices:
    """The choices of a question, with their labels."""

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    counted: bool
    """The labels were assigned here, by position."""

    @property
    def block(self) -> str:
        """The choices as lines of a prompt."""
        pairs = zip(self.labels, self.texts, strict=True)
        return "\n".join(f"{label}. {text}" for label, text in pairs)


@dataclass(frozen=True, slots=True)
class Right:
    """The answer to a question with choices."""

    text: str
    by_place: bool = False


def choices_in(value: Any) -> AnswerChoices | Bad:
    """Return the choices of a value: by label, as a list, or as columns of labels and texts."""
    value = decoded(value) if isinstance(value, str) and value.lstrip()[:1] in "[{" else value
    if isinstance(value, Mapping):
        # Tables have null for choices that only other questions have.
        value = {key: item for key, item in value.items() if item is not None}
        columns = {known_as(str(key)): item for key, item in value.items()}
        labels, texts = columns.get("label", columns.get("labels")), columns.get("text")
        texts = columns.get("texts") if texts is None else texts
        if isinstance(labels, list) and isinstance(texts, list) and len(labels) == len(texts):
            return _labelled_by(labels, texts, counted=False)
        if isinstance(texts, list):
            return _labelled_by(LETTERS[: len(texts)], texts, counted=True)
        return _labelled_by(list(value), list(value.values()), counted=False)
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return _labelled(value)
    if isinstance(value, list) and value:
        return _labelled_by(LETTERS[: len(value)], value, counted=True)
    return Bad("bad_choices", "the choices are neither a list nor an object", 'write ["…", "…"]')


def _labelled(items: Sequence[Mapping[str, object]]) -> AnswerChoices | Bad:
    labels = [next((item[key] for key in LABEL_KEYS if key in item), None) for item in items]
    texts = [next((item[key] for key in TEXT_KEYS if key in item), None) for item in items]
    if None in texts:
        # [{"A": "…"}, {"B": "…"}]
        if all(len(item) == 1 for item in items):
            pairs = [next(iter(item.items())) for item in items]
            names, texts = [key for key, _ in pairs], [text for _, text in pairs]
            return _labelled_by(names, texts, counted=False)
        return Bad("bad_choices", "a choice has no text", 'write ["…", "…"]')
    if None in labels:
        return _labelled_by(LETTERS[: len(texts)], texts, counted=True)
    return _labelled_by(labels, texts, counted=False)


def _labelled_by(
    labels: Sequence[object], texts: Sequence[object], counted: bool
) -> AnswerChoices | Bad:
    names = [plain_text(label) for label in labels]
    shown = [plain_text(text) for text in texts]
    if len(names) != len(shown) or None in names or None in shown:
        return Bad("bad_choices", "a choice is not a string", 'write ["…", "…"]')
    stripped = [str(text).strip() for text in shown]
    if counted and len(stripped) > 1 and _are_lettered(stripped):
        stripped = [text[2:].strip() for text in stripped]
    return AnswerChoices(tuple(str(name).strip() for name in names), tuple(stripped), counted)


def _are_lettered(texts: Sequence[str]) -> bool:
    """Return whether the texts already have letters, as `A. …`, `A) …` or `A: …`."""
    return all(
        text[:1] == letter and text[1:2] in (".", ")", ":")
        for text, letter in zip(texts, LETTERS, strict=False)
    )


def right_one(answer: Any, choices: AnswerChoices, key: str = "answer") -> Right | Bad:
    """Return the right choice: its letter, its text, or the answer as it is.

    A position is counted from 0, as data sets do, and becomes the letter in the prompt.
    """
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    text = plain_text(answer)
    if text is None:
        return Bad("bad_choices", "the answer is neither a string nor a number", HINT)
    text = text.strip()
    if text in choices.texts or text in choices.labels:
        return Right(text)
    if len(text) == 1 and text.upper() in choices.labels:
        return Right(text.upper())
    if text.isascii() and text.removeprefix("-").isdigit():
        place = int(text)
        if known_as(key) not in PLACES:
            return Bad(
                "bad_choices", f"{key!r} is a number, which may be counted from 0 or from 1", HINT
            )
        if 0 <= place < len(choices.labels):
            return Right(choices.labels[place], by_place=True)
        return _none_of_them(text)
    if len(text) == 1 and text.upper() in LETTERS:
        return _none_of_them(text)
    return Right(text)


def _none_of_them(text: str) -> Bad:
    return Bad("bad_choices", f"the answer {text[:20]!r} is none of the choices", HINT)


def agrees(one: Any, key: str, other: str, choices: AnswerChoices) -> bool:
    """Return whether a second answer names the same choice as the first."""
    found = right_one(one, choices, key)
    if isinstance(found, Bad):
        return False
    same = dict(zip(choices.labels, choices.texts, strict=True))
    return same.get(found.text, found.text) == same.get(other, other)
