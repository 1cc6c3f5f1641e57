"""Puts the reasoning of an answer where a chat template has a place for it, or before its text.

Templates that have one read `reasoning_content` (Qwen3, GLM) or `thinking` (gpt-oss) of a message.
For all others it is part of the text as `<think>…</think>`, which some templates parse.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from daemon.core.rows.examples import Turn
from daemon.text.template import ChatTemplate, Template, Unrenderable

THOUGHT = "a_thought_to_look_for"
EARLIER = "an_earlier_thought_to_look_for"
SIGN = "\ue002think\ue003"
"""A placeholder for reasoning that the template would strip from the text."""
_QUESTION = Turn("user", "What is it?")
_ANSWER = Turn("assistant", "It is that.")


class Spliced:
    """A chat template that puts the reasoning where the placeholder is."""

    def __init__(self, template: Template, reasoning: str) -> None:
        self._template = template
        self._reasoning = reasoning

    def render(self, turns: Iterable[Turn], answer_next: bool, tools: Sequence[str] = ()) -> str:
        """Return the text of turns; `answer_next` adds the start of an answer.

        Raises:
            Unrenderable: the template refuses these turns, or leaves the placeholder out.
        """
        turns = tuple(turns)
        text = self._template.render(turns, answer_next, tools)
        if text.count(SIGN) != sum(SIGN in turn.content for turn in turns):
            raise Unrenderable("the chat template leaves out the reasoning of an answer")
        return text.replace(SIGN, self._reasoning)


def has_place(template: ChatTemplate) -> bool:
    """Return whether a template writes the reasoning that a message has beside its text."""
    try:
        text = template.render([_QUESTION, replace(_ANSWER, reasoning=THOUGHT)], False)
    except Unrenderable:
        return False
    return THOUGHT in text


def placed(turns: Sequence[Turn], in_place: bool) -> Sequence[Turn]:
    """Return turns with each reasoning where the template expects it."""
    if in_place or not any(turn.reasoning for turn in turns):
        return turns
    return [
        replace(turn, content=before(turn.reasoning, turn.content), reasoning="")
        if turn.reasoning
        else turn
        for turn in turns
    ]


def before(reasoning: str, text: str) -> str:
    """Return an answer with its reasoning before it, as reasoning models write it."""
    return f"<think>\n{reasoning.strip()}\n</think>\n\n{text.lstrip()}"


def left_out(template: ChatTemplate, in_place: bool) -> tuple[bool, bool]:
    """Return whether a template leaves out the reasoning of the last answer, and of earlier ones.

    Reasoning models do not see earlier reasoning, so their templates drop it.
    """
    turns = [
        _QUESTION,
        replace(_ANSWER, reasoning=EARLIER),
        Turn("user", "And then?"),
        Turn("assistant", "This one.", reasoning=THOUGHT),
    ]
    try:
        text = template.render(placed(turns, in_place), False)
    except Unrenderable:
        return False, False
    return THOUGHT not in text, EARLIER not in text
