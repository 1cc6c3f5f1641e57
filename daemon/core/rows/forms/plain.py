"""Fast path for the most common rows: plain texts and simple messages.

It returns what the full reading would; None leaves the row to that.
"""

from daemon.core.records import JsonObject
from daemon.core.rows.chat_rows import conversation_of
from daemon.core.rows.examples import Chat, Example, Text, Turn
from daemon.core.rows.forms.message_keys import PLAIN_ROLES, SHAREGPT, Names
from daemon.core.rows.forms.names import LONG_METADATA
from daemon.core.rows.forms.parts import is_transcript
from daemon.core.rows.forms.plans import RowPlan
from daemon.core.rows.forms.tool_lists import tools_in
from daemon.core.rows.readings import Reading
from daemon.core.rows.refusal import Bad

Plainly = tuple[Example, str, Reading]


def plain_row(row: JsonObject, plan: RowPlan, names: Names, keep_reasoning: bool) -> Plainly | None:
    """Return a row's example, the name of its form and its reading."""
    for key in plan.metadata:
        value = row[key]
        if type(value) is str and len(value) >= LONG_METADATA:
            return None
    match plan.shape:
        case "pair":
            return _pair(row, plan)
        case "chat":
            return _chat(row, plan, names, keep_reasoning)
        case "text":
            return _text(row, plan)
        case _:
            return None


def _text(row: JsonObject, plan: RowPlan) -> Plainly | None:
    text = row[plan.first]
    if type(text) is not str or not text.strip() or is_transcript(text):
        return None
    return Text(text), "text", plan.reading((plan.first,), ())


def _pair(row: JsonObject, plan: RowPlan) -> Plainly | None:
    question, answer = row[plan.first], row[plan.answer]
    if type(question) is not str or type(answer) is not str:
        return None
    if not answer.strip() or not question.strip():
        return None
    if not plan.more:
        example = Chat((Turn("user", question), Turn("assistant", answer)))
        return example, *plan.pair_words(0)
    return _with_more(row, plan, question, answer)


def _with_more(row: JsonObject, plan: RowPlan, question: str, answer: str) -> Plainly | None:
    """Read a pair with Alpaca's input, a context or a system text."""
    behind, before, system, used = [question], "", "", 0
    for place, (key, meaning) in enumerate(plan.more):
        text = row[key]
        if type(text) is not str:
            return None
        stripped = text.strip()
        if not stripped:
            continue
        if stripped in question or question.strip() in stripped:
            return None
        used |= 1 << place
        if meaning == "system":
            system = text
        elif meaning == "input" or plan.is_task:
            behind.append(text)
        else:
            before = text
    question = "\n\n".join((before, *behind) if before else behind)
    turns = (Turn("user", question), Turn("assistant", answer))
    example = Chat((Turn("system", system), *turns) if system else turns)
    return example, *plan.pair_words(used)


def _chat(row: JsonObject, plan: RowPlan, names: Names, keep_reasoning: bool) -> Plainly | None:
    messages = row[plan.first]
    if type(messages) is not list or not messages:
        return None
    first = messages[0]
    shares = type(first) is dict and "from" in first and "role" not in first
    keys = SHAREGPT if shares and names.role == "role" else names
    turns = _plain_turns(messages, keys) or _other_turns(messages, keys, keep_reasoning)
    if turns is None:
        return None
    if not plan.tools:
        return Chat(turns), *plan.chat_words(shares, False)
    tools = tools_in(row[plan.tools])
    if isinstance(tools, Bad):
        return None
    return Chat(turns, tools=tools), *plan.chat_words(shares, bool(tools))


def _plain_turns(messages: list[object], names: Names) -> tuple[Turn, ...] | None:
    """Return the turns of messages with a role and a text each, in the usual order."""
    role_key, text_key = names.role, names.text
    turns: list[Turn] = []
    has_user = False
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return None
        text, named = message.get(text_key), message.get(role_key)
        role = PLAIN_ROLES.get(named) if type(named) is str else None
        if role is None or type(text) is not str or not text.strip():
            return None
        if role == "user":
            has_user = True
        elif role == "system" and turns:
            return None
        turns.append(Turn(role, text))
    return tuple(turns) if has_user and role == "assistant" else None


def _other_turns(
    messages: list[object], names: Names, keep_reasoning: bool
) -> tuple[Turn, ...] | None:
    found = conversation_of(messages, names)
    if isinstance(found, Bad) or found.unread or found.notes:
        return None
    if not keep_reasoning and any(turn.reasoning for turn in found.turns):
        return None
    return found.turns
