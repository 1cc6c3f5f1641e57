"""An example token by token, with each token's part in the loss, for people."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["supervised", "ignored", "truncated"]


@dataclass(frozen=True, slots=True)
class TokenText:
    """The text of one token."""

    text: str
    kind: Kind
