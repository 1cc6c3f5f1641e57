"""The abilities of a base model's chat template: what it writes, leaves out or refuses.

A template may refuse a system text or a tool call, or silently leave it out: then a model would be
trained on something else than the file contains. What is left out is written into the
text in the plain form (`plain_form`), or the row is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from daemon.core.rows.examples import Chat, Example, Turn
from daemon.core.rows.refusal import Bad

System = Literal["kept", "left_out", "refused"]
Lost = Literal["template", "system", "tools", "calls", "results", "reasoning", "earlier_reasoning"]

WRITTEN: tuple[Lost, ...] = ("system", "tools", "calls", "results", "reasoning")
"""What the plain form can express."""
NAMED: dict[Lost, str] = {
    "system": "system texts",
    "tools": "tools",
    "calls": "tool calls",
    "results": "tool results",
    "reasoning": "reasoning",
}
OTHER_BASE = "choose a base whose template supports it"
BY_SETTINGS = "by settings"
"""In place of a form, where the settings are unknown."""
_TUNED = "choose the instruction-tuned variant of the model (-Instruct, -it)"
_ON = 'set template.left_out = "write" to have it written into the text'


@dataclass(frozen=True)
class Abilities:
    """What a chat template writes."""

    template: bool
    """Whether there is one; without, conversations are written line by line."""
    system: System
    """What becomes of a system turn in training."""
    tools: bool
    """Whether it shows the model the tools."""
    calls: bool
    """Whether it writes the tool calls of an answer."""
    reasoning: bool = True
    """Whether it writes the reasoning of the last answer."""
    earlier_reasoning: bool = True
    """Whether it writes the reasoning of earlier answers too; reasoning models do not see it."""
    results: bool = True
    """Whether it writes the result of a call that it wrote."""
    results_after_text: bool = True
    """Whether it writes the result of a call that is part of an answer's text."""
    several_calls: bool = True
    """Whether it writes several calls of one answer."""
    text_with_calls: bool = True
    """Whether it writes the text of an answer that also has calls."""

    def writes_calls_of(self, turn: Turn) -> bool:
        """Return whether the calls of an answer, and the text beside them, are written."""
        several = len(turn.calls) > 1
        return (
            self.calls
            and (self.several_calls or not several)
            and (self.text_with_calls or not turn.content.strip())
        )

    def sentences(self, form: str | None = BY_SETTINGS) -> list[str]:
        """Return notes for the user before the first row; `form` is the plain form, if any."""
        found = [] if self.template else [_without_template()]
        left_out = [NAMED[lost] for lost in self._left_out()]
        if left_out:
            template = "the base model's chat template" if self.template else "such a text"
            found.append(f"{template} leaves out {listed(left_out)}: {_consequence(form)}")
        return found

    def refusal(self, example: Example) -> Bad | None:
        """Return why a row is refused where there is no plain form; None if it is not."""
        lost = next((lost for lost in self.lost(example) if lost in WRITTEN), None)
        if lost is None:
            return None
        message = f"the model's chat template leaves out {NAMED[lost]}, which the row has"
        return Bad(f"{lost}_left_out", message, f"{_ON}, or {OTHER_BASE}")

    def lost(self, example: Example) -> tuple[Lost, ...]:
        """Return what of a row the template itself would leave out."""
        if not isinstance(example, Chat):
            return ()
        found: list[Lost] = [] if self.template else ["template"]
        found += self._lost_calls(example.turns)
        if example.tools and not self.tools:
            found.append("tools")
        if self.system != "kept" and any(turn.role == "system" for turn in example.turns):
            found.append("system")
        if not self.reasoning and example.turns[-1].reasoning:
            found.append("reasoning")
        if not self.earlier_reasoning and any(turn.reasoning for turn in example.turns[:-1]):
            found.append("earlier_reasoning")
        return tuple(found)

    def writes_results(self, called: bool) -> bool:
        """Return whether a result is written; `called` where the template wrote its call."""
        return self.results if called else self.results_after_text

    def _lost_calls(self, turns: tuple[Turn, ...]) -> list[Lost]:
        found: dict[Lost, None] = {}
        called = False
        for turn in turns:
            if turn.role == "assistant":
                called = bool(turn.calls) and self.writes_calls_of(turn)
                if turn.calls and not called:
                    found["calls"] = None
            elif turn.role == "tool" and not self.writes_results(called):
                found["results"] = None
        return list(found)

    def _left_out(self) -> list[Lost]:
        kept: dict[Lost, bool] = {
            "system": self.system == "kept",
            "tools": self.tools,
            "calls": self.calls,
            "results": self.writes_results(self.calls),
            "reasoning": self.reasoning,
        }
        return [lost for lost, is_kept in kept.items() if not is_kept]


def remarks(lost: Mapping[Lost, int], form: str | None) -> list[str]:
    """Return notes on rows of which the template leaves something out."""
    found = []
    if conversations := lost.get("template"):
        found.append(f"{_without_template()} ({conversations} conversation(s))")
    counted = [f"{NAMED[what]} ({lost[what]} row(s))" for what in WRITTEN if lost.get(what)]
    if counted:
        template = "such a text" if conversations else "the base model's chat template"
        found.append(f"{template} leaves out {listed(counted)}: {_consequence(form)}")
    if rows := lost.get("earlier_reasoning"):
        found.append(
            "the base model's chat template leaves out the reasoning of earlier answers, as "
            f"reasoning models do not see it again: {rows} row(s) have some"
        )
    return found


def listed(names: list[str]) -> str:
    """Return names as a list in a sentence."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _consequence(form: str | None) -> str:
    if form is None:
        return f"such rows are refused; {_ON}, or {OTHER_BASE}"
    if form == BY_SETTINGS:
        return (
            "they are written into the text in the plain form (docs/data.md), or such rows are "
            "refused, as template.left_out says"
        )
    return f'they are written into the text, in the plain form "{form}" (docs/data.md)'


def _without_template() -> str:
    return (
        "the base model has no chat template: conversations are written line by line, each turn a "
        f"line and the last one followed by the end mark; {_TUNED}, or put a chat_template.jinja "
        "into its directory"
    )
