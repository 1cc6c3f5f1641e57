"""Why a row cannot be used; knows no format."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a row cannot be used."""

    code: str
    message: str
    hint: str
