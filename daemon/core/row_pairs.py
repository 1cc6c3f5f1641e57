"""Reads a row of a question and its answer: with context, choices, history and reasoning."""

from collections.abc import Sequence
from typing import Any

from daemon.core.row_chats import finished, read_chat, systems_in
from daemon.core.row_choices import Choices, agrees, choices_in, right_one
from daemon.core.row_in_hand import RowInHand
from daemon.core.row_names import TASKS, known_as
from daemon.core.row_parts import decoded, plain_text, stands_in
from daemon.core.row_plans import pair_form
from daemon.core.rows.chat_rows import Conversation, Names, conversation_of
from daemon.core.rows.examples import Example, Turn, compact
from daemon.core.rows.refusal import Bad

WORKED, FINAL = ("solution", "explanation"), ("answer",)

Asked = str | list[Any]


def pair_of(held: RowInHand) -> tuple[Example, str] | Bad | None:
    """Return the conversation of a question and its answer; None where the row has not both."""
    choices = _choices(held)
    if isinstance(choices, Bad):
        return choices
    answer = _answer(held, choices)
    if answer is None or isinstance(answer, Bad):
        return answer
    asked = _asked(held, answer, choices)
    if isinstance(asked, Bad):
        return asked
    if asked is None and not held.keys("system"):
        held.used.clear()
        held.answer_keys.clear()
        return None
    form = _form(held)
    found = _conversation(held, asked, answer)
    return found if isinstance(found, Bad) else (found, form)


def _form(held: RowInHand) -> str:
    title = held.plan.title
    asked = [title(key) for key in held.row if key in held.used]
    return pair_form(asked, "+".join(map(title, held.answer_keys)))


def _conversation(held: RowInHand, asked: Asked | None, answer: Asked) -> Example | Bad:
    before = _history(held)
    if isinstance(before, Bad):
        return before
    messages: list[Any] = asked if isinstance(asked, list) else []
    turns = [*before, Turn("user", asked)] if isinstance(asked, str) else before
    if isinstance(answer, list):
        messages = [*messages, *answer]
    if not messages:
        return _plain(held, (*turns, Turn("assistant", str(answer))))
    if isinstance(answer, str):
        return read_chat(held, messages, Names("role", "content"), (Turn("assistant", answer),))
    asked_first = [{"role": turn.role, "content": turn.content} for turn in turns]
    return read_chat(held, [*asked_first, *messages], Names("role", "content"))


def _plain(held: RowInHand, turns: tuple[Turn, ...]) -> Example | Bad:
    systems = systems_in(held)
    if isinstance(systems, Bad):
        return systems
    if turns[0].role == "system":
        systems, turns = [*systems, turns[0].content], turns[1:]
    texts = "\n\n".join(dict.fromkeys(systems))
    return finished(held, Conversation((Turn("system", texts), *turns) if texts else turns))


def _history(held: RowInHand) -> list[Turn] | Bad:
    for key in held.keys("history"):
        value = decoded(held.row[key])
        found = conversation_of(value)
        if isinstance(found, Bad) or found.notes:
            why = found.message if isinstance(found, Bad) else "it ends with a question"
            return Bad(
                "bad_history",
                f"the earlier turns in {key!r} cannot be read: {why}",
                'write [["question", "answer"], …] or a list of messages',
            )
        # Before the question, whatever the order of the keys.
        held.use(key)
        return list(found.turns)
    return []


# --- the question ------------------------------------------------------------------------------


def _asked(held: RowInHand, answer: Asked, choices: Choices | str | None) -> Asked | Bad | None:
    """Return the question with all that belongs to it."""
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
        text = _text_of(value)
        if text is None and isinstance(value, list) and len(keys) == 1:
            return value
        if text is None:
            return Bad("content_not_text", f"{key!r} is no text", f"make {key!r} a text")
        if not any(text.strip() in other for other in texts):
            texts.append(text)
    return _with_context(held, keys[0], texts, answer, choices)


def _question_keys(held: RowInHand) -> list[str] | Bad:
    """Return the keys of the question: one, or a task and what it is about."""
    prompts = held.keys("prompt")
    inputs = held.keys("input")
    if len(prompts) > 1:
        prompts = _without_repetition(held, prompts)
    if len(prompts) == 2 and known_as(prompts[0]) in TASKS and known_as(prompts[1]) not in TASKS:
        return [*prompts, *inputs]
    if len(prompts) > 1:
        return ambiguous(prompts, "prompt", "question")
    return [*prompts, *inputs]


def _without_repetition(held: RowInHand, keys: Sequence[str]) -> list[str]:
    """Leave out the keys whose text stands in another one's."""
    texts = {key: (_text_of(held.row[key]) or "").strip() for key in keys}
    kept: list[str] = []
    for key in keys:
        longer = any(
            stands_in(texts[key], texts[other]) and (texts[key] != texts[other] or other in kept)
            for other in keys
            if other != key
        )
        if longer and texts[key]:
            held.agreeing.add(key)
        else:
            kept.append(key)
    return kept


def ambiguous(keys: Sequence[str], known: str, what: str) -> Bad:
    """Refuse a row in which two keys may be the same thing."""
    named = " and ".join(map(repr, keys[:3]))
    return Bad(
        "ambiguous_fields",
        f"{named} may each be the {what}",
        f'say which: fields = {{ {known} = "{keys[0]}" }} under [intake] of NAME.settings.toml, '
        f"or finetuned submit FILE --fields {known}={keys[0]}",
    )


def _instead(held: RowInHand) -> list[str]:
    """Return what stands for the question where no key is called so."""
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
    held: RowInHand, first: str, texts: list[str], answer: Asked, choices: Choices | str | None
) -> str:
    """Return a question with what it is about and what can be chosen.

    Context stands before a question, and behind an instruction, as Alpaca's `input` does.
    """
    contexts: list[str] = []
    for key in held.keys("context", "text"):
        if key in held.used:
            continue
        text = _context_text(held.row[key])
        if key in held.plan.keys("text") and isinstance(answer, str) and answer.strip() in text:
            # The row as a whole, written out once more.
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
    text = _text_of(value)
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


def _text_of(value: Any) -> str | None:
    """Return a text, a number, or what the only item of a list or a list of text parts says."""
    text = plain_text(value)
    if text is not None:
        return text
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return value[0]
    if isinstance(value, list) and value and all(_is_text_part(item) for item in value):
        return "".join(item["text"] for item in value)
    return None


def _is_text_part(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and set(item) <= {"type", "text"}
        and isinstance(item.get("text"), str)
    )


# --- the answer --------------------------------------------------------------------------------


def _choices(held: RowInHand) -> Choices | str | Bad | None:
    keys = held.keys("choices")
    if not keys:
        columns = held.keys("choice_column")
        return choices_in([held.use(key) for key in columns]) if len(columns) > 1 else None
    value = held.use(keys[0])
    if isinstance(value, str) and value.lstrip()[:1] not in ("[", "{"):
        return value
    return choices_in(value)


def _answer(held: RowInHand, choices: Choices | str | None) -> Asked | Bad | None:
    if held.train_chosen and held.keys("chosen", "rejected"):
        return _chosen(held)
    keys = _answer_keys(held, choices is not None)
    if isinstance(keys, Bad):
        return keys
    if not keys:
        return None
    key = keys[0]
    value = held.use_answer(key)
    if isinstance(choices, Choices):
        return _chosen_among(held, value, choices, key)
    if choices is None and key in held.plan.keys("right_choice") and _names_a_choice(value):
        return Bad(
            "bad_choices",
            f"{key!r} names a choice, and the row has no choices",
            "write the choices into the question, or give them as 'choices'",
        )
    return _answer_text(held, value, key)


def _answer_keys(held: RowInHand, with_choices: bool) -> list[str] | Bad:
    """Return the key of the answer, first; none where there is no answer."""
    keys = held.keys("completion")
    if len(keys) > 1:
        keys = _without_repetition(held, keys)
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


def _agree(held: RowInHand, key: str, answer: str) -> None:
    text, whole = _text_of(held.row[key]), _text_of(held.row[answer])
    if text is not None and whole is not None and stands_in(text.strip(), whole):
        held.agreeing.add(key)


def _names_a_choice(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value.strip()) == 1)


def _chosen_among(held: RowInHand, value: Any, choices: Choices, answer: str) -> str | Bad:
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


def _chosen(held: RowInHand) -> Asked | Bad | None:
    key = next(iter(held.keys("chosen") or held.keys("completion")), None)
    if key is None:
        return None
    held.note("chosen_side")
    held.agreeing.update(held.keys("rejected"))
    return _answer_text(held, held.use_answer(key), key)


def _answer_text(held: RowInHand, value: Any, key: str) -> Asked | Bad:
    """Return an answer as text, or the messages that it is."""
    text = _text_of(value)
    if text is not None:
        return text
    if isinstance(value, dict):
        return _object_answer(held, value)
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    texts = [plain_text(item) for item in value] if isinstance(value, list) else [None]
    if None in texts:
        return Bad("content_not_text", f"{key!r} is no text", f"make {key!r} a text")
    if len(set(texts)) > 1 and key not in held.plan.keys("late_completion"):
        return Bad("several_answers", f"{key!r} holds several answers", "keep one of them")
    if len(set(texts)) > 1:
        held.note("first_answer")
    return str(texts[0])


def _object_answer(held: RowInHand, value: dict[str, Any]) -> Asked | Bad:
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
