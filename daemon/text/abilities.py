"""What a base model's chat template can say, found by trying it, and what that means for a user.

A template may refuse a system text or the call of a tool, or leave it out without a word: then a
model would be trained on something else than the file says.
"""

from dataclasses import dataclass
from typing import Literal

from daemon.core.rows.examples import Chat, Example
from daemon.core.rows.refusal import Bad

System = Literal["kept", "left_out", "refused"]
Lost = Literal["template", "system", "tools", "reasoning", "earlier_reasoning"]

_TUNED = "choose the model's form that was tuned to converse (-Instruct, -it)"


@dataclass(frozen=True)
class Abilities:
    """What a chat template writes."""

    template: bool
    """There is one; without, conversations are written line by line."""
    system: System
    """What becomes of a system turn in what is trained."""
    tools: bool
    """It tells the model which functions it may call."""
    calls: bool
    """It writes the calls of an answer."""
    reasoning: bool = True
    """It writes the reasoning of the last answer."""
    earlier_reasoning: bool = True
    """It writes the reasoning of earlier answers too; models that think are not shown it."""

    def sentences(self) -> list[str]:
        """Return what a user should know before the first row, with the way out."""
        if not self.template:
            return [
                "the base model has no chat template: conversations are written line by line, and "
                f"tools cannot be trained; {_TUNED}, or put a chat_template.jinja into its "
                "directory"
            ]
        found = []
        if self.system != "kept":
            does = "refuses system texts" if self.system == "refused" else "leaves system texts out"
            found.append(
                f"the base model's chat template {does}: put instructions into the first user "
                "turn; a prefix of [prefixes] goes there by itself"
            )
        if not self.tools or not self.calls:
            does = "shows no tools" if self.calls else "writes no calls of tools"
            found.append(
                f"the base model's chat template {does}: choose a base whose template does, or "
                "write tools into the question and calls into the answer, as text"
            )
        return found

    def unsayable(self, example: Example) -> Bad | None:
        """Return why a row would teach something else than it says; None where it does not."""
        if self.calls or not isinstance(example, Chat):
            return None
        if not any(turn.calls and turn.trained for turn in example.turns):
            return None
        message = "the model's chat template leaves out the calls of an answer"
        hint = "write calls into the answer as text, or choose a base whose template has them"
        return Bad("calls_left_out", message, hint)

    def lost(self, example: Example) -> tuple[Lost, ...]:
        """Return what of a row the template would not show the model."""
        if not isinstance(example, Chat):
            return ()
        if not self.template:
            return ("template",)
        found: list[Lost] = []
        if not self.reasoning and example.turns[-1].reasoning:
            found.append("reasoning")
        if not self.earlier_reasoning and any(turn.reasoning for turn in example.turns[:-1]):
            found.append("earlier_reasoning")
        if self.system == "left_out" and any(turn.role == "system" for turn in example.turns):
            found.append("system")
        if example.tools and not self.tools:
            found.append("tools")
        return tuple(found)


def remark(lost: Lost, rows: int) -> str:
    """Return what is to be said of rows of which something is lost."""
    match lost:
        case "template":
            return (
                f"the base model has no chat template: {rows} conversation(s) were written line by "
                f"line; {_TUNED}, or put a chat_template.jinja into its directory"
            )
        case "system":
            return (
                f"the base model's chat template leaves out the system text of {rows} row(s): put "
                "it into the first user turn, or make it a prefix"
            )
        case "reasoning":
            return (
                f"the base model's chat template leaves out the reasoning of {rows} row(s): write "
                "it into the answer as text, or choose a base whose template has a place for it"
            )
        case "earlier_reasoning":
            return (
                f"the base model's chat template leaves out the reasoning of earlier answers, as "
                f"models that think do not see it again: {rows} row(s) have some"
            )
        case "tools":
            return (
                f"the base model's chat template does not show the tools of {rows} row(s): write "
                "them into the question, or choose a base whose template has tools"
            )
