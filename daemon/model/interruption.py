"""How long work that is no run, such as a download, tells what it does and is told to leave."""

import threading
from typing import Protocol


class Attend(Protocol):
    """Says what is being done and waits for orders; returns whether the work is to be left."""

    def __call__(self, doing: str, wait_s: float = 0.0) -> bool: ...


class Interrupted(Exception):
    """The work was left where it stood because of an order; it can be gone on with."""


def unattended(doing: str, wait_s: float = 0.0) -> bool:
    """Wait, with nobody to tell and nobody to interrupt."""
    threading.Event().wait(wait_s)
    return False
