"""Reads one row by what its keys mean: a conversation, a question with its answer, or a text."""

from daemon.core.records import JsonObject
from daemon.core.rows.examples import Example, Text
from daemon.core.rows.forms.chats import chat_of, messages_in
from daemon.core.rows.forms.current_row import FORMS, CurrentRow, is_empty
from daemon.core.rows.forms.names import role_of
from daemon.core.rows.forms.pairs import pair_of
from daemon.core.rows.forms.parts import is_transcript, plain_text
from daemon.core.rows.refusal import Bad

_ROLE_KEYS = ("role", "from", "speaker")
_CONTENT_KEYS = ("content", "value", "text", "utterance")
GOOD_WORDS = frozenset(("true", "desirable", "chosen", "accepted", "good"))
BAD_WORDS = frozenset(("false", "undesirable", "rejected", "bad"))


def read_row(held: CurrentRow) -> tuple[Example, str] | Bad:
    """Return the example of a row, and the name of its form."""
    wrong = _media(held) or _weight(held)
    if wrong is not None:
        return wrong
    sides = held.keys("chosen", "rejected")
    if sides and not held.train_chosen:
        return _preference(sides)
    messages = messages_in(held, bool(sides))
    found = chat_of(held, messages) if messages is not None else pair_of(held)
    if found is not None:
        return found if isinstance(found, Bad) else _unless_bad(held, found)
    if held.plan.keys("text"):
        return _text(held)
    return _unknown(held)


def _media(held: CurrentRow) -> Bad | None:
    keys = held.keys("media")
    if not keys:
        return None
    return Bad(
        "content_not_text",
        f"the row holds {keys[0]!r}: an image, audio or video",
        "only text can be trained: leave such rows out",
    )


def _weight(held: CurrentRow) -> Bad | None:
    for key in held.plan.keys("weight"):
        value = held.row[key]
        if value in (0, False) and not isinstance(value, str):
            message = f"{key!r} says that the row is not to be trained"
            return Bad("not_to_be_trained", message, "leave the key out, or write 1")
        if value == 1:
            held.agreeing.add(key)
    return None


def _preference(sides: list[str]) -> Bad:
    named = " and ".join(map(repr, sides))
    verb = "say" if len(sides) > 1 else "says"
    return Bad(
        "preference_data",
        f"the row is preference data: {named} {verb} which of two answers is the better one",
        'to train the chosen answers, write preferences = "chosen" under [intake], or '
        "finetuned submit FILE --set intake.preferences=chosen",
    )


def _unless_bad(held: CurrentRow, found: tuple[Example, str]) -> tuple[Example, str] | Bad:
    """Refuse a row whose answer is marked as bad."""
    for key in held.plan.keys("verdict"):
        if key in held.used or key in held.answer_keys:
            continue
        value = held.row[key]
        word = value.strip().lower() if isinstance(value, str) else ""
        if value is False or word in BAD_WORDS or (value == 0 and type(value) is int):
            return Bad(
                "bad_example",
                f"the row is marked as a bad example ({key!r} is {str(value).lower()})",
                "such answers are never trained as good ones; leave the key out where it means "
                "something else",
            )
        if value is True or word in GOOD_WORDS:
            held.use(key)
    return found


def _text(held: CurrentRow) -> tuple[Example, str] | Bad:
    key = held.plan.keys("text")[0]
    text = plain_text(held.use(key))
    if text is None:
        return Bad("content_not_text", f"{key!r} is not a string", f"make {key!r} a string")
    if not text.strip():
        return Bad("empty_content", f"{key!r} is empty", "fill it or leave the row out")
    for other in held.keys("prompt", "completion", "input", "context"):
        value = plain_text(held.row[other])
        if value is not None and value.strip() in text:
            held.agreeing.add(other)
    if is_transcript(text):
        held.note("transcript")
    return Text(text), "text"


def message_alone(row: JsonObject) -> Bad | None:
    """Refuse a row that is one message of a conversation: its neighbours are other rows."""
    role = next((key for key in _ROLE_KEYS if role_of(row.get(key)) is not None), None)
    if role is None or not any(isinstance(row.get(key), str) for key in _CONTENT_KEYS):
        return None
    return Bad(
        "message_alone",
        f"the row is one message of a conversation ({role!r} is {row[role]!r}), not a whole one",
        'put the messages of each conversation into one row: {"messages": [{"role": "user", '
        '"content": "\u2026"}, {"role": "assistant", "content": "\u2026"}]}',
    )


def _unknown(held: CurrentRow) -> Bad:
    """Refuse a row of unknown form: what is missing, and the setting that would name it."""
    texts = [
        key
        for key in held.row
        if not is_empty(held.row[key]) and key not in held.plan.keys("metadata")
    ]
    empty = [
        key
        for key in (*held.plan.keys("prompt"), *held.plan.keys("completion"))
        if is_empty(held.row[key])
    ]
    if empty and len(texts) < 2:
        return Bad("empty_content", f"{empty[0]!r} is empty", "fill it or leave the row out")
    questions = held.keys("prompt", "input", "context", "history", "choices")
    answers = held.keys("completion", "late_completion")
    rest = [
        key
        for key in texts
        if key not in (*questions, *answers) and plain_text(held.row[key]) is not None
    ]
    names = {}
    if not questions and rest:
        names["prompt"] = rest.pop(0)
    if not answers and rest:
        names["completion"] = rest.pop(0)
    if not held.row:
        return Bad("unknown_format", "the row is an object without keys", f"write {FORMS}")
    known = ", ".join(sorted(map(str, held.row))[:8])
    missing = "no question" if answers else "no answer" if questions else "no known names"
    message = f"the row has {known}: {missing} among them"
    if not names:
        return Bad("unknown_format", message, f"write {FORMS}")
    line = ", ".join(f'{name} = "{key}"' for name, key in names.items())
    option = ",".join(f"{name}={key}" for name, key in names.items())
    return Bad(
        "unknown_format",
        message,
        f"if that is what they are, write fields = {{ {line} }} under [intake] of "
        f"NAME.settings.toml, or finetuned submit FILE --fields '{option}'; or write {FORMS}",
    )
