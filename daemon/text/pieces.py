"""Shows an example token by token, and what the loss makes of each; for people."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["supervised", "ignored", "truncated"]


@dataclass(frozen=True, slots=True)
class TokenText:
    """The text of one token."""

    text: str
    kind: Kind
