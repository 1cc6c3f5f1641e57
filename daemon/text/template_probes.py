"""Probes a chat template for its abilities by rendering conversations of made-up words.

Its source is never read: only the rendered text counts.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from daemon.core.rows.examples import Call, Turn, compact
from daemon.text.abilities import Abilities
from daemon.text.plain_form import call_text
from daemon.text.prefix import system_turns
from daemon.text.reasoning import has_place, left_out
from daemon.text.template import ChatTemplate, Unrenderable

_QUESTION, _ANSWER = Turn("user", "What is it?"), Turn("assistant", "It is that.")
_FOLLOW_UP = Turn("user", "And then?")
_NAME, _KEY, _VALUE = "a_function_to_look_for", "a_key_to_look_for", "a_value_to_look_for"
_OTHER, _BESIDE = "another_function_to_look_for", "a_text_to_look_for"
_RESULT, _END = "a_result_to_look_for", "an_end_to_look_for"
_PURPOSE = "a_purpose_to_look_for"
_TOOL = compact(
    {
        "type": "function",
        "function": {
            "name": _NAME,
            "description": _PURPOSE,
            "parameters": {"type": "object", "properties": {_KEY: {"type": "string"}}},
        },
    }
)
_ARGUMENTS = json.dumps({_KEY: _VALUE})
_CALL = replace(_ANSWER, content="", calls=(Call(_NAME, _ARGUMENTS),))
_TWO = replace(_CALL, calls=(*_CALL.calls, Call(_OTHER, _ARGUMENTS)))
_IN_TEXT = replace(_ANSWER, content=call_text(_CALL.calls[0]))
_ANSWERED = (Turn("tool", _RESULT), replace(_ANSWER, content=_END))


def find_abilities(template: ChatTemplate, is_own: bool) -> Abilities:
    """Probe a template; `is_own` where it is the model's, not the default for those without."""
    last, earlier = left_out(template, has_place(template))
    return Abilities(
        is_own,
        system_turns(template),
        _shows_tools(template),
        _writes(template, (_QUESTION, _CALL), _NAME, _KEY, _VALUE),
        not last,
        not earlier,
        # Written line by line, a result would look like a turn of the user.
        is_own and _writes(template, (_QUESTION, _CALL, *_ANSWERED), _RESULT, _END),
        is_own and _writes(template, (_QUESTION, _IN_TEXT, *_ANSWERED), _RESULT, _END),
        _writes(template, (_QUESTION, _TWO), _NAME, _OTHER),
        _writes(template, (_QUESTION, replace(_CALL, content=_BESIDE)), _NAME, _BESIDE),
    )


def _shows_tools(template: ChatTemplate) -> bool:
    """Return whether tools are shown in prompts as well as in training."""
    words = (_NAME, _PURPOSE, _KEY)
    return (
        _writes(template, (_QUESTION,), *words, tools=(_TOOL,), answer_next=True)
        and _writes(template, (_QUESTION, _ANSWER), *words, tools=(_TOOL,))
        and _writes(
            template, (_QUESTION, _ANSWER, _FOLLOW_UP), *words, tools=(_TOOL,), answer_next=True
        )
    )


def _writes(
    template: ChatTemplate,
    turns: Sequence[Turn],
    *words: str,
    tools: Sequence[str] = (),
    answer_next: bool = False,
) -> bool:
    try:
        text = template.render(turns, answer_next, tools)
    except Unrenderable:
        return False
    return all(word in text for word in words)
