"""Finds the spans of contents and answers in a rendered conversation.

The template is rendered once for each sequence of roles, with a mark in place of every content.
That skeleton shows where contents begin and end in the text of real turns.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from daemon.core.rows.examples import Role, Turn
from daemon.text.abilities import Abilities
from daemon.text.prefix import Place, system_turns
from daemon.text.reasoning import SIGN, Spliced, before, has_place, placed
from daemon.text.stepwise import Rendered, Span, common_start, render_stepwise
from daemon.text.template import ChatTemplate, Unrenderable
from daemon.text.template_probes import find_abilities

_MARK = re.compile("\ue000(\\d+)\ue001")
_TRIMMED: tuple[Callable[[str], str], ...] = (str, str.strip, str.lstrip, str.rstrip)
_MOST_SKELETONS = 1024


@dataclass(frozen=True)
class Skeleton:
    """A template's own text between the contents of turns with certain roles."""

    pieces: tuple[str, ...]
    """Before the first content, between contents, after the last."""
    order: tuple[int, ...]
    """The turn whose content follows each piece but the last."""
    leads: tuple[int, ...]
    """For each content: characters of the template before it that the model must generate."""
    tails: tuple[int, ...]
    """For each content: characters of the template after it that belong to the same turn."""


_QUESTION, _ANSWER = Turn("user", "What is it?"), Turn("assistant", "It is that.")
_FOLLOW_UP, _LAST = Turn("user", "And then?"), Turn("assistant", "This one.")
_THOUGHT = Turn("assistant", "<think>\nLet me see.\n</think>\n\nIt is that.")
_RULE = Turn("system", "Be brief.")
PROBES: tuple[tuple[Turn, ...], ...] = (
    (_QUESTION, _ANSWER),
    (_RULE, _QUESTION, _ANSWER),
    (_QUESTION, _ANSWER, _FOLLOW_UP, _LAST),
    (_RULE, _QUESTION, _ANSWER, _FOLLOW_UP, _LAST),
    (_QUESTION, _THOUGHT, _FOLLOW_UP, _LAST),
)
"""Conversations to probe a template with."""


class Renderer:
    """Renders conversations with the spans of their contents and answers."""

    def __init__(
        self, template: ChatTemplate, controls: re.Pattern[str], is_own: bool = True
    ) -> None:
        """`is_own`: the template is the model's, not the default for models without one."""
        self._template = template
        self._controls = controls
        self._is_own = is_own
        kept = system_turns(template) == "kept"
        self.prefix_place: Place = "system" if kept else "first_user"
        self._by_skeleton: bool | None = None
        self._skeletons: dict[tuple[Role, ...], Skeleton] = {}

    def prompt(self, turns: Sequence[Turn], tools: Sequence[str] = ()) -> str:
        """Return the text up to where an answer begins."""
        return self._template.render(placed(turns, self.places_reasoning), True, tools)

    @cached_property
    def places_reasoning(self) -> bool:
        """Whether the template writes the reasoning of a message."""
        return has_place(self._template)

    @cached_property
    def abilities(self) -> Abilities:
        """The abilities of the template."""
        return find_abilities(self._template, self._is_own)

    def render(
        self, turns: Sequence[Turn], tools: Sequence[str] = (), *, whole: bool = False
    ) -> Rendered:
        """Return the text of a conversation; `whole` with a last reasoning that would be left out.

        Raises:
            Unrenderable: the template refuses it, or rewrites contents beyond recognition.
        """
        if whole and turns[-1].reasoning and not self.abilities.reasoning:
            return self._with_last_reasoning(turns, tools)
        turns = placed(turns, self.places_reasoning)
        if tools or any(turn.calls or turn.reasoning or turn.role == "tool" for turn in turns):
            return render_stepwise(self._template, self._controls, turns, tools)
        if self._by_skeleton is None:
            self._by_skeleton = self.verify() is None
        if not self._by_skeleton:
            return render_stepwise(self._template, self._controls, turns, tools)
        return self._whole(turns)

    def _with_last_reasoning(self, turns: Sequence[Turn], tools: Sequence[str]) -> Rendered:
        """Render with a placeholder for the reasoning that the template would strip."""
        *earlier, last = turns
        if self._controls.search(last.reasoning):
            raise Unrenderable("the reasoning of an answer spells a control token of the model")
        signed = replace(last, content=SIGN + last.content, reasoning="")
        template = Spliced(self._template, before(last.reasoning, ""))
        found = [*placed(earlier, self.places_reasoning), signed]
        return render_stepwise(template, self._controls, found, tools)

    def verify(self) -> str | None:
        """Compare both ways of finding the answers on some conversations; return where they differ.

        Where stepwise rendering is impossible (the template rewrites earlier turns), nothing is
        compared.
        """
        for turns in PROBES:
            try:
                stepwise = render_stepwise(self._template, self._controls, turns, ())
            except Unrenderable:
                continue
            try:
                whole = self._whole(turns)
            except Unrenderable as error:
                return str(error)
            if whole.answers != stepwise.answers:
                mine, its = (_texts(found) for found in (whole, stepwise))
                return f"the answers of a conversation are {mine} or {its}"
        return None

    @property
    def prefix_stable(self) -> bool:
        """Whether a conversation's text starts with the text of its first turns."""
        for turns in PROBES:
            try:
                whole = self._template.render(turns, False)
                ends = [n for n, turn in enumerate(turns, 1) if turn.role == "assistant"]
                if not all(whole.startswith(self._template.render(turns[:n], False)) for n in ends):
                    return False
            except Unrenderable:
                continue
        return True

    def _whole(self, turns: Sequence[Turn]) -> Rendered:
        text = self._template.render(turns, False)
        skeleton = self._skeleton(tuple(turn.role for turn in turns))
        contents = _contents(text, skeleton, turns)
        answers = tuple(
            (start - lead, end + tail)
            for number, lead, tail, (start, end) in zip(
                skeleton.order, skeleton.leads, skeleton.tails, contents, strict=True
            )
            if turns[number].role == "assistant" and turns[number].trained
        )
        return Rendered(text, answers, contents)

    def _skeleton(self, roles: tuple[Role, ...]) -> Skeleton:
        found = self._skeletons.get(roles)
        if found is None:
            if len(self._skeletons) >= _MOST_SKELETONS:
                self._skeletons.clear()
            found = self._skeletons[roles] = self._make_skeleton(roles)
        return found

    def _make_skeleton(self, roles: tuple[Role, ...]) -> Skeleton:
        marked = [Turn(role, f"\ue000{number}\ue001") for number, role in enumerate(roles)]
        text = self._template.render(marked, False)
        parts = _MARK.split(text)
        pieces, order = tuple(parts[0::2]), tuple(int(number) for number in parts[1::2])
        missing = {n for n, role in enumerate(roles) if role == "assistant"} - set(order)
        if missing:
            raise Unrenderable(f"the chat template leaves out turn {min(missing) + 1}")
        leads = tuple(
            self._lead(marked[:number], piece, roles[number])
            for number, piece in zip(order, pieces[:-1], strict=True)
        )
        tails = tuple(self._tail(piece, pieces[-1]) for piece in pieces[1:])
        return Skeleton(pieces, order, leads, tails)

    def _lead(self, before: list[Turn], piece: str, role: Role) -> int:
        """Count the characters between the start of an answer and its content (Qwen3: an empty
        thought), which the model must generate too."""
        if role != "assistant" or not before:
            return 0
        opened = _MARK.split(self._template.render(before, True))[-1]
        return len(piece) - len(opened) if piece.startswith(opened) else 0

    def _tail(self, piece: str, last: str) -> int:
        """Count the characters after a content that end its turn: up to the first control token."""
        own = common_start(piece, last)
        control = self._controls.search(own)
        return control.end() if control else len(own)


def _texts(rendered: Rendered) -> list[str]:
    return [rendered.text[start:end] for start, end in rendered.answers]


def _contents(text: str, skeleton: Skeleton, turns: Sequence[Turn]) -> tuple[Span, ...]:
    """Return the spans of the contents, in the skeleton's order."""
    if not text.startswith(skeleton.pieces[0]):
        raise Unrenderable("the chat template depends on the contents in an unknown way")
    spans: list[Span] = []
    start = len(skeleton.pieces[0])
    for place, number in enumerate(skeleton.order):
        after = skeleton.pieces[place + 1]
        closing = len(text) if place + 1 == len(skeleton.order) else None
        end = _end(text, start, turns[number].content, after, closing)
        if end is None:
            raise Unrenderable(f"the chat template rewrites the content of turn {number + 1}")
        spans.append((start, end))
        start = end + len(after)
    return tuple(spans)


def _end(text: str, start: int, content: str, after: str, closing: int | None) -> int | None:
    for trimmed in _TRIMMED:
        end = start + len(trimmed(content))
        fits = closing is None or end + len(after) == closing
        if fits and text.startswith(trimmed(content) + after, start):
            return end
    # Templates drop earlier reasoning; the remaining content is found by the text after it.
    if not after or after in content:
        return None
    end = text.find(after, start) if closing is None else closing - len(after)
    return end if end >= start and text[start:end].strip() in content else None
