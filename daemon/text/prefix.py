"""Puts a prefix before the turns of a conversation, the only place where that is done.

It goes where the model's template expects instructions, which is found by probing, not by name.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from daemon.core.rows.examples import Turn
from daemon.text.abilities import System
from daemon.text.template import ChatTemplate, Unrenderable

Place = Literal["system", "first_user"]
"""The system turn, or the content of the first user turn where a template has no system turn."""

WORDS: dict[Place, str] = {
    "system": "in the system turn",
    "first_user": "in the first user turn: the model's chat template leaves out a system turn",
}

_MARK = "Mark this instruction."
_QUESTION = (Turn("system", _MARK), Turn("user", "What is it?"))
_EXCHANGE = (*_QUESTION, Turn("assistant", "It is that."))
_PROBES = ((_QUESTION, True), (_EXCHANGE, False), ((*_EXCHANGE, Turn("user", "And then?")), True))


def system_turns(template: ChatTemplate) -> System:
    """Probe what becomes of a system turn.

    Some templates refuse it. Others leave it out, or (Mistral's) write it only before the last
    answer is given: prompts would have it, but training never.
    """
    try:
        kept = all(_MARK in template.render(turns, answer) for turns, answer in _PROBES)
    except Unrenderable:
        return "refused"
    return "kept" if kept else "left_out"


def put_before(turns: Sequence[Turn], text: str, place: Place) -> tuple[Turn, ...]:
    """Return the turns with a text before the content there, separated by an empty line.

    Raises:
        Unrenderable: there is no user turn to put it in.
    """
    if place == "system" and (not turns or turns[0].role != "system"):
        return (Turn("system", text), *turns)
    role = "system" if place == "system" else "user"
    for number, turn in enumerate(turns):
        if turn.role == role:
            joined = replace(turn, content=f"{text}\n\n{turn.content}")
            return (*turns[:number], joined, *turns[number + 1 :])
    raise Unrenderable("there is no user turn to put the prefix in")
