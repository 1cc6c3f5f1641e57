"""Finds the answers in a conversation by rendering its first turns step by step; slow, with tools.

An answer begins where the text of the turns before it ends, with the start of an answer added, and
ends with the last end-of-turn token before the next turn's content. Each of these texts must be a
prefix of the whole text, or the conversation is refused: a wrong mask is worse than none.

Some templates (Phi-3's) end a conversation with a special token, which ends no turn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.core.rows.examples import Turn
from daemon.text.template import Template, Unrenderable

Span = tuple[int, int]
MARK = "\ue000mark\ue001"


@dataclass(frozen=True)
class Rendered:
    """The text of a conversation."""

    text: str
    answers: tuple[Span, ...]
    """The spans the model must generate, ends of turns included."""
    contents: tuple[Span, ...]
    """The spans of content, as opposed to the template's own text."""


def render_stepwise(
    template: Template, controls: re.Pattern[str], turns: Sequence[Turn], tools: Sequence[str]
) -> Rendered:
    """Return the text of a conversation.

    Raises:
        Unrenderable: the template refuses it, or rewrites earlier turns when later ones come.
    """
    whole = template.render(turns, False, tools)
    answers = tuple(
        _span(template, controls, turns, tools, number, whole)
        for number, turn in enumerate(turns)
        if turn.role == "assistant" and turn.trained
    )
    return Rendered(whole, answers, _contents(template, controls, turns, tools, whole))


def _span(
    template: Template,
    controls: re.Pattern[str],
    turns: Sequence[Turn],
    tools: Sequence[str],
    number: int,
    whole: str,
) -> Span:
    before = template.render(turns[:number], True, tools)
    if not whole.startswith(before):
        raise Unrenderable(f"the chat template rewrites the text before turn {number + 1}")
    ending = _ending(template, controls, turns[: number + 1], tools, before)
    if number + 1 == len(turns):
        limit = len(whole)
    else:
        following = replace(turns[number + 1], content=MARK, calls=(), reasoning="")
        text = template.render([*turns[: number + 1], following], False, tools)
        limit = text.find(MARK)
        if limit < 0 or not whole.startswith(text[:limit]):
            raise Unrenderable(f"the chat template rewrites turn {number + 1}")
    end = whole.rfind(ending, len(before), limit) if ending else -1
    if end >= 0:
        return len(before), end + len(ending)
    if ending or number + 1 < len(turns):
        raise Unrenderable(f"the chat template does not mark the end of turn {number + 1}")
    return len(before), limit


def _ending(
    template: Template,
    controls: re.Pattern[str],
    turns: Sequence[Turn],
    tools: Sequence[str],
    before: str,
) -> str:
    """Return the control token that ends the last turn; empty if none does."""
    alone = template.render(turns, False, tools)
    if not alone.startswith(before):
        return _last(controls, alone)
    answer = alone[len(before) :]
    try:
        followed = template.render([*turns, Turn("user", MARK)], False, tools)
    except Unrenderable:
        return _last(controls, answer)
    if not followed.startswith(before):
        return _last(controls, answer)
    return _last(controls, common_start(answer, followed[len(before) :])) or _last(controls, answer)


def unsaid(turns: Sequence[Turn], rendered: Rendered) -> str | None:
    """Name a part of an answer that the model would not learn to generate; None for none.

    Answers of text alone are found by their text; beside calls a template may leave it out.
    """
    if not any(turn.calls for turn in turns):
        return None
    answers = [turn for turn in turns if turn.role == "assistant" and turn.trained]
    for turn, (start, end) in zip(answers, rendered.answers, strict=True):
        answer = rendered.text[start:end]
        words = (turn.content.rpartition("</think>")[2].strip(), *(c.name for c in turn.calls))
        missing = next((word for word in words if turn.calls and word not in answer), None)
        if missing is not None:
            return f"the model's chat template leaves out a part of an answer: {missing[:60]}"
    return None


def common_start(one: str, other: str) -> str:
    """Return the common beginning of two texts."""
    pairs = zip(one, other, strict=False)
    differs = (place for place, (mine, its) in enumerate(pairs) if mine != its)
    return one[: next(differs, min(len(one), len(other)))]


def _last(controls: re.Pattern[str], text: str) -> str:
    found = controls.findall(text)
    return str(found[-1]) if found else ""


def _contents(
    template: Template,
    controls: re.Pattern[str],
    turns: Sequence[Turn],
    tools: Sequence[str],
    whole: str,
) -> tuple[Span, ...]:
    """Return the spans of contents that spell control tokens; the others need no care."""
    hidden = (
        *tools,
        *(call.arguments for turn in turns for call in turn.calls),
        *(turn.reasoning for turn in turns),
    )
    if any(map(controls.search, hidden)):
        raise Unrenderable("a tool or a call spells a control token of the model")
    return tuple(
        _place(template, turns, tools, number, whole)
        for number, turn in enumerate(turns)
        if controls.search(turn.content)
    )


def _place(
    template: Template, turns: Sequence[Turn], tools: Sequence[str], number: int, whole: str
) -> Span:
    """Return the span of one content, by comparing with a text that has a mark in its place.

    Searching for the content itself might find a control token of the template that it spells.
    """
    marked = replace(turns[number], content=MARK)
    text = template.render([*turns[:number], marked, *turns[number + 1 :]], False, tools)
    before, mark, after = text.partition(MARK)
    end = len(whole) - len(after)
    same = mark and whole.startswith(before) and whole.endswith(after)
    if not same or whole[len(before) : end].strip() != turns[number].content.strip():
        raise Unrenderable(
            f"turn {number + 1} spells a control token, and the template changes its text"
        )
    return len(before), end
