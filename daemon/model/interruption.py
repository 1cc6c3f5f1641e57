"""How long work outside a run, such as a download, reports its progress and is interrupted."""

import threading
from typing import Protocol


class Attend(Protocol):
    """Reports what is being done and polls for orders; returns whether to stop."""

    def __call__(self, doing: str, wait_s: float = 0.0) -> bool: ...


class Interrupted(Exception):
    """The work stopped because of an order; it can be resumed."""


def unattended(doing: str, wait_s: float = 0.0) -> bool:
    """Wait, without reporting and without interruption."""
    threading.Event().wait(wait_s)
    return False
