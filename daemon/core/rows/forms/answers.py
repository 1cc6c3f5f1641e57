"""Reads the answer of a row: text, number, object, messages, or one of several choices."""

from typing import Any

from daemon.core.records import JsonObject
from daemon.core.rows.examples import compact
from daemon.core.rows.forms.choices import AnswerChoices, agrees, choices_in, right_one
from daemon.core.rows.forms.current_row import CurrentRow
from daemon.core.rows.forms.names import known_as
from daemon.core.rows.forms.parts import plain_text, stands_in
from daemon.core.rows.forms.values import TextOrMessages, ambiguous, text_of, without_repetition
from daemon.core.rows.refusal import Bad


def choices_of(held: CurrentRow) -> AnswerChoices | str | Bad | None:
    keys = held.keys("choices")
    if not keys:
        columns = held.keys("choice_column")
        return choices_in([held.use(key) for key in columns]) if len(columns) > 1 else None
    value = held.use(keys[0])
    if isinstance(value, str) and value.lstrip()[:1] not in ("[", "{"):
        return value
    return choices_in(value)


def answer_of(held: CurrentRow, choices: AnswerChoices | str | None) -> TextOrMessages | Bad | None:
    if held.train_chosen and held.keys("chosen", "rejected"):
        return _chosen(held)
    keys = _answer_keys(held, choices is not None)
    if isinstance(keys, Bad):
        return keys
    if not keys:
        return None
    key = keys[0]
    value = held.use_answer(key)
    if isinstance(choices, AnswerChoices):
        return _chosen_among(held, value, choices, key)
    if choices is None and key in held.plan.keys("right_choice") and _names_a_choice(value):
        return Bad(
            "bad_choices",
            f"{key!r} names a choice, but the row has no choices",
            "write the choices into the question, or give them as 'choices'",
        )
    return _answer_text(held, value, key)


def _answer_keys(held: CurrentRow, with_choices: bool) -> list[str] | Bad:
    """Return the keys of the answer, its own first; none if there is no answer."""
    keys = held.keys("completion")
    if len(keys) > 1:
        keys = without_repetition(held, keys)
    if len(keys) == 2 and {known_as(key) for key in keys} == {"solution", "answer"}:
        held.note("other_solution")
        held.agreeing.update(key for key in keys if known_as(key) == "answer")
        keys = [key for key in keys if known_as(key) == "solution"]
    if len(keys) > 1:
        return ambiguous(keys, "completion", "answer")
    late = held.keys("late_completion")
    if keys:
        for key in late:
            _agree(held, key, keys[0])
        return keys
    rights = held.keys("right_choice")
    if with_choices:
        late = [*rights, *late] or [
            key for key in held.plan.keys("verdict") if not isinstance(held.row[key], bool)
        ]
    return late or rights


def _agree(held: CurrentRow, key: str, answer: str) -> None:
    text, whole = text_of(held.row[key]), text_of(held.row[answer])
    if text is not None and whole is not None and stands_in(text.strip(), whole):
        held.agreeing.add(key)


def _names_a_choice(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value.strip()) == 1)


def _chosen_among(held: CurrentRow, value: Any, choices: AnswerChoices, answer: str) -> str | Bad:
    right = right_one(value, choices, answer)
    if isinstance(right, Bad):
        return right
    for key in held.keys("right_choice"):
        if key in held.answer_keys:
            continue
        if not agrees(held.row[key], key, right.text, choices):
            return ambiguous([*held.answer_keys, key], "completion", "answer")
        held.agreeing.add(key)
    if right.by_place:
        held.note("choice_places")
    return right.text


def _chosen(held: CurrentRow) -> TextOrMessages | Bad | None:
    key = next(iter(held.keys("chosen") or held.keys("completion")), None)
    if key is None:
        return None
    held.note("chosen_side")
    held.agreeing.update(held.keys("rejected"))
    return _answer_text(held, held.use_answer(key), key)


def _answer_text(held: CurrentRow, value: Any, key: str) -> TextOrMessages | Bad:
    """Return an answer as text, or as messages."""
    text = text_of(value)
    if text is not None:
        return text
    if isinstance(value, dict):
        return _objectanswer_of(held, value)
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    texts = [plain_text(item) for item in value] if isinstance(value, list) else [None]
    if None in texts:
        return Bad("content_not_text", f"{key!r} is not a string", f"make {key!r} a string")
    if len(set(texts)) > 1 and key not in held.plan.keys("late_completion"):
        return Bad("several_answers", f"{key!r} holds several answers", "keep one of them")
    if len(set(texts)) > 1:
        held.note("first_answer")
    return str(texts[0])


def _objectanswer_of(held: CurrentRow, value: JsonObject) -> TextOrMessages | Bad:
    if {"role", "from"} & set(value):
        return [value]
    inner = value.get("text", value.get("content", value.get("value")))
    about = {"answer_start", "type", "id", "score", "start", "answer_end"}
    if inner is not None and set(value) - {"text", "content", "value"} <= about:
        # SQuAD writes {"text": ["…", "…"], "answer_start": [1, 7]}.
        texts = inner if isinstance(inner, list) else [inner]
        found = [plain_text(item) for item in texts]
        if found and None not in found:
            if len(set(found)) > 1:
                held.note("first_answer")
            return str(found[0])
    held.note("answer_object")
    return compact(value)
