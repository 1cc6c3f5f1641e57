"""Reads the question of a row, with its context and choices."""

from typing import Any

from daemon.core.rows.examples import compact
from daemon.core.rows.forms.choices import AnswerChoices
from daemon.core.rows.forms.current_row import CurrentRow
from daemon.core.rows.forms.names import TASKS, known_as
from daemon.core.rows.forms.parts import plain_text
from daemon.core.rows.forms.values import TextOrMessages, ambiguous, text_of, without_repetition
from daemon.core.rows.refusal import Bad


def question_of(
    held: CurrentRow, answer: TextOrMessages, choices: AnswerChoices | str | None
) -> TextOrMessages | Bad | None:
    """Return the question with its context and choices."""
    keys = _question_keys(held)
    if isinstance(keys, Bad):
        return keys
    if not keys:
        keys = _instead(held)
    if not keys:
        return None
    texts: list[str] = []
    for key in keys:
        value = held.use(key)
        text = text_of(value)
        if text is None and isinstance(value, list) and len(keys) == 1:
            return value
        if text is None:
            return Bad("content_not_text", f"{key!r} is not a string", f"make {key!r} a string")
        if not any(text.strip() in other for other in texts):
            texts.append(text)
    return _with_context(held, keys[0], texts, answer, choices)


def _question_keys(held: CurrentRow) -> list[str] | Bad:
    """Return the keys of the question: one, or an instruction and its input."""
    prompts = held.keys("prompt")
    inputs = held.keys("input")
    if len(prompts) > 1:
        prompts = without_repetition(held, prompts)
    if len(prompts) == 2 and known_as(prompts[0]) in TASKS and known_as(prompts[1]) not in TASKS:
        return [*prompts, *inputs]
    if len(prompts) > 1:
        return ambiguous(prompts, "prompt", "question")
    return [*prompts, *inputs]


def _instead(held: CurrentRow) -> list[str]:
    """Return the keys used as the question where no key is named so."""
    found = held.keys("text") or held.keys("context")
    if not found:
        found = [
            key
            for key in held.keys("metadata")
            if known_as(key) in ("source", "src")
            and any(known_as(k) in ("target", "tgt") for k in held.answer_keys)
        ]
    return found[:1]


def _with_context(
    held: CurrentRow,
    first: str,
    texts: list[str],
    answer: TextOrMessages,
    choices: AnswerChoices | str | None,
) -> str:
    """Return a question with its context and choices.

    Context goes before a question, but after an instruction, as Alpaca's `input` does.
    """
    contexts: list[str] = []
    for key in held.keys("context", "text"):
        if key in held.used:
            continue
        text = _context_text(held.row[key])
        if key in held.plan.keys("text") and isinstance(answer, str) and answer.strip() in text:
            # The whole row, written out again.
            held.agreeing.add(key)
            continue
        held.use(key)
        if not any(text.strip() in other for other in texts):
            contexts.append(text)
    parts = [*texts, *contexts] if known_as(first) in TASKS else [*contexts, *texts]
    if choices is not None:
        parts.append(choices if isinstance(choices, str) else choices.block)
    return "\n\n".join(parts)


def _context_text(value: Any) -> str:
    text = text_of(value)
    if text is not None:
        return text
    if isinstance(value, list):
        texts = [_passage(item) for item in value]
        if None not in texts:
            return "\n\n".join(filter(None, texts))
    return compact(value)


def _passage(item: Any) -> str | None:
    """Return one of several passages: a text, or an object with a title and a text."""
    if not isinstance(item, dict):
        return plain_text(item)
    named = {known_as(key): value for key, value in item.items()}
    text = next(
        (
            named[key]
            for key in ("text", "content", "passage", "page_content", "paragraph")
            if isinstance(named.get(key), str)
        ),
        None,
    )
    title = named.get("title")
    return f"{title}\n{text}" if text is not None and isinstance(title, str) and title else text
