"""Finds the answers in a rendered conversation by rendering its beginnings; slow, and takes tools.

An answer begins where the text of the turns before it ends, with the start of an answer added, and
ends with the last end-of-turn token before the next turn's content. Each of these texts must be the
beginning of the whole text, or the conversation is refused: a wrong mask is worse than none.

Some templates (Phi-3's) close a conversation with a token of its own; it ends no turn.
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
    """What the model has to say, ends of turns included."""
    contents: tuple[Span, ...]
    """What people and models wrote, as opposed to the template."""


def render_stepwise(
    template: Template, controls: re.Pattern[str], turns: Sequence[Turn], tools: Sequence[str]
) -> Rendered:
    """Return the text of a conversation.

    Raises:
        Unrenderable: the template refuses it, or rewrites earlier turns as later ones come.
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
        raise Unrenderable(f"the chat template rewrites what stands before turn {number + 1}")
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
    """Return the control token that ends the last of the turns; empty where none does."""
    alone = template.render(turns, False, tools)
    if not alone.startswith(before):
        return _last(controls, alone)
    said = alone[len(before) :]
    try:
        followed = template.render([*turns, Turn("user", MARK)], False, tools)
    except Unrenderable:
        return _last(controls, said)
    if not followed.startswith(before):
        return _last(controls, said)
    return _last(controls, common_start(said, followed[len(before) :])) or _last(controls, said)


def unsaid(turns: Sequence[Turn], rendered: Rendered) -> str | None:
    """Name what of an answer does not stand in what the model learns to say; None for nothing.

    Answers of text alone are found by their text; beside calls a template may leave it out.
    """
    if not any(turn.calls for turn in turns):
        return None
    answers = [turn for turn in turns if turn.role == "assistant" and turn.trained]
    for turn, (start, end) in zip(answers, rendered.answers, strict=True):
        said = rendered.text[start:end]
        words = (turn.content.rpartition("</think>")[2].strip(), *(c.name for c in turn.calls))
        missing = next((word for word in words if turn.calls and word not in said), None)
        if missing is not None:
            return f"the model's chat template leaves out what an answer says: {missing[:60]}"
    return None


def common_start(one: str, other: str) -> str:
    """Return what two texts begin with alike."""
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
    """Return where contents stand that spell control tokens; the others need no care."""
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
    """Return where one content stands, by what is left of the text with a mark in its place.

    To look for the content itself would find a token of the template's own that it spells.
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
