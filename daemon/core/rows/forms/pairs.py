"""Reads a row of a question and its answer: with context, choices, history and reasoning."""

from daemon.core.rows.chat_rows import Conversation, Names, conversation_of
from daemon.core.rows.examples import Example, Turn
from daemon.core.rows.forms.answers import answer_of, choices_of
from daemon.core.rows.forms.chats import finished, read_chat, systems_in
from daemon.core.rows.forms.current_row import CurrentRow
from daemon.core.rows.forms.parts import decoded
from daemon.core.rows.forms.plans import pair_form
from daemon.core.rows.forms.questions import question_of
from daemon.core.rows.forms.values import TextOrMessages
from daemon.core.rows.refusal import Bad


def pair_of(held: CurrentRow) -> tuple[Example, str] | Bad | None:
    """Return the conversation of a question and its answer; None if the row lacks one."""
    choices = choices_of(held)
    if isinstance(choices, Bad):
        return choices
    answer = answer_of(held, choices)
    if answer is None or isinstance(answer, Bad):
        return answer
    question = question_of(held, answer, choices)
    if isinstance(question, Bad):
        return question
    if question is None and not held.keys("system"):
        for kept in (held.used, held.answer_keys, held.agreeing, held.notes):
            kept.clear()
        return None
    form = _form(held)
    found = _conversation(held, question, answer)
    return found if isinstance(found, Bad) else (found, form)


def _form(held: CurrentRow) -> str:
    title = held.plan.title
    questions = [title(key) for key in held.row if key in held.used]
    return pair_form(questions, "+".join(map(title, held.answer_keys)))


def _conversation(
    held: CurrentRow, question: TextOrMessages | None, answer: TextOrMessages
) -> Example | Bad:
    before = _history(held)
    if isinstance(before, Bad):
        return before
    messages: list[object] = question if isinstance(question, list) else []
    turns = [*before, Turn("user", question)] if isinstance(question, str) else before
    if isinstance(answer, list):
        messages = [*messages, *answer]
    if not messages:
        return _plain(held, (*turns, Turn("assistant", str(answer))))
    if isinstance(answer, str):
        return read_chat(held, messages, Names("role", "content"), (Turn("assistant", answer),))
    first_messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    return read_chat(held, [*first_messages, *messages], Names("role", "content"))


def _plain(held: CurrentRow, turns: tuple[Turn, ...]) -> Example | Bad:
    systems = systems_in(held)
    if isinstance(systems, Bad):
        return systems
    if turns[0].role == "system":
        systems, turns = [*systems, turns[0].content], turns[1:]
    texts = "\n\n".join(dict.fromkeys(systems))
    return finished(held, Conversation((Turn("system", texts), *turns) if texts else turns))


def _history(held: CurrentRow) -> list[Turn] | Bad:
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
        # It comes before the question, whatever the order of the keys.
        held.use(key)
        return list(found.turns)
    return []
