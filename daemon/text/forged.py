"""Prevents control tokens spelled in content from becoming control tokens.

Each is replaced by a mark before the template sees it, and restored afterwards: whatever a template
does to content, no text can end a turn or begin one.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from daemon.core.rows.examples import Call, Turn

_PRIVATE = range(0xE100, 0xF800)


@dataclass
class ControlTokenMarks:
    """The control tokens spelled in turns and tools, by the number of their mark."""

    controls: re.Pattern[str]
    sign: str
    """A character that occurs in none of them."""
    spelled: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, controls: re.Pattern[str], turns: Sequence[Turn], tools: Sequence[str]
    ) -> "ControlTokenMarks | None":
        """Return marks for these texts; None if none spells a control token."""
        texts = [*tools, *(text for turn in turns for text in _texts(turn))]
        if not any(controls.search(text) for text in texts):
            return None
        used = set().union(*texts)
        sign = next((chr(code) for code in _PRIVATE if chr(code) not in used), None)
        # A text that contains every private-use character has no meaning for a mark to spoil.
        return cls(controls, sign if sign is not None else chr(_PRIVATE[0]))

    def hide(self, text: str) -> str:
        """Return a text with a mark in place of each control token it spells."""
        return self.controls.sub(self._mark, text)

    def hide_in(self, turn: Turn) -> Turn:
        """Return a turn without the control tokens that it spells."""
        calls = tuple(Call(self.hide(c.name), self.hide(c.arguments)) for c in turn.calls)
        return replace(
            turn, content=self.hide(turn.content), calls=calls, reasoning=self.hide(turn.reasoning)
        )

    def split(self, rendered: str) -> Iterator[tuple[str, bool]]:
        """Yield the parts of a rendered text, each with whether it was spelled."""
        # A template may write JSON in ASCII only.
        sign = f"(?:{re.escape(self.sign)}|{re.escape(json.dumps(self.sign)[1:-1])})"
        for number, part in enumerate(re.split(f"{sign}(\\d+){sign}", rendered)):
            is_mark = number % 2 == 1
            # A text may contain such a mark itself, with a number that is not ours.
            known = is_mark and int(part) < len(self.spelled)
            yield (self.spelled[int(part)] if known else part), is_mark

    def _mark(self, match: re.Match[str]) -> str:
        self.spelled.append(match.group())
        return f"{self.sign}{len(self.spelled) - 1}{self.sign}"


def _texts(turn: Turn) -> Iterator[str]:
    yield turn.content
    yield turn.reasoning
    for call in turn.calls:
        yield call.name
        yield call.arguments
