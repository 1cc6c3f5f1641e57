"""Writes what a chat template leaves out into the turns: tools, calls, results, system texts.

The form is that of Hermes and Qwen, which most models have seen. What the template supports is left
to it, and a turn is written the same in training, evaluation and serving.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from daemon.core.rows.examples import Call, Turn
from daemon.text.abilities import Abilities

OFFER = (
    "You may call these functions, each described by a JSON schema within <tools></tools>:\n"
    "<tools>\n{tools}\n</tools>"
)
HOW = (
    "To call a function, answer with its name and arguments as a JSON object within "
    "<tool_call></tool_call>:\n"
    '<tool_call>\n{"name": <function-name>, "arguments": <arguments-object>}\n</tool_call>'
)


def write_left_out(
    turns: Sequence[Turn], tools: Sequence[str], can: Abilities
) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
    """Return the turns and tools of a conversation with what the template leaves out as text."""
    written = _with_calls(turns, can)
    if tools and not can.tools:
        written = _with_system_text(written, offer(tools, how=not can.calls))
        tools = ()
    if can.system != "kept":
        written = _system_into_user(written)
    return tuple(written), tuple(tools)


def offer(tools: Sequence[str], *, how: bool) -> str:
    """Return tools as a system text; with `how` it also explains how to call one."""
    listed = "\n".join(_spaced(json.loads(tool)) for tool in tools)
    return "\n\n".join((OFFER.replace("{tools}", listed), *((HOW,) if how else ())))


def call_text(call: Call) -> str:
    """Return a call as the text of an answer."""
    called = {"name": call.name, "arguments": json.loads(call.arguments)}
    return f"<tool_call>\n{_spaced(called)}\n</tool_call>"


def result_text(content: str) -> str:
    """Return the result of a call as the text of a user's turn."""
    return f"<tool_response>\n{content}\n</tool_response>"


def _spaced(value: object) -> str:
    # As templates do: `tojson` puts a space after commas and colons.
    return json.dumps(value, ensure_ascii=False)


def _with_calls(turns: Sequence[Turn], can: Abilities) -> list[Turn]:
    """Return the turns with calls and results as text where the template leaves them out.

    Results become turns of the user; adjacent ones are joined, because many templates require
    alternating turns.
    """
    found: list[Turn] = []
    called = result = False
    for turn in turns:
        was_result, result = result, False
        if turn.role == "assistant":
            called = bool(turn.calls) and can.writes_calls_of(turn)
            turn = turn if called else _with_call_text(turn)
        elif turn.role == "tool" and not can.writes_results(called):
            turn, result = replace(turn, role="user", content=result_text(turn.content)), True
        if was_result and turn.role == "user":
            turn = replace(turn, content=f"{found.pop().content}\n{turn.content}")
        found.append(turn)
    return found


def _with_call_text(turn: Turn) -> Turn:
    if not turn.calls:
        return turn
    texts = (turn.content, *map(call_text, turn.calls))
    return replace(turn, content="\n".join(filter(None, texts)), calls=())


def _with_system_text(turns: Sequence[Turn], text: str) -> list[Turn]:
    """Return the turns with a text at the end of the first system turn."""
    if not turns or turns[0].role != "system":
        return [Turn("system", text), *turns]
    first = replace(turns[0], content=_apart(turns[0].content, text))
    return [first, *turns[1:]]


def _system_into_user(turns: Iterable[Turn]) -> list[Turn]:
    """Return the turns with each system text before the next turn of the user.

    Where an answer comes next, the system text becomes the question.
    """
    found: list[Turn] = []
    waiting = ""
    for turn in turns:
        if turn.role == "system":
            waiting = _apart(waiting, turn.content)
            continue
        if waiting and turn.role == "user":
            turn = replace(turn, content=_apart(waiting, turn.content))
        elif waiting:
            found.append(Turn("user", waiting))
        waiting = ""
        found.append(turn)
    return [*found, Turn("user", waiting)] if waiting else found


def _apart(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))
