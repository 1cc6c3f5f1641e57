"""The dashboard's first words: the state, and what it waits for, for somebody new to it; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daemon.core.decisions.pulse import Pulse

Tone = Literal["working", "waiting", "held", "trouble"]

STATES: dict[str, tuple[Tone, str, str]] = {
    "idle": ("waiting", "Idle", "Nothing waits to be trained: drop a .jsonl file into inbox/."),
    "preparing": ("working", "Preparing", "The base model is being made ready."),
    "intake": ("working", "Reading files", "New files are checked row by row before training."),
    "training": ("working", "Training", "The model is learning from the file named below."),
    "judging": (
        "working",
        "Judging",
        "The result is compared with the current version on held-out rows.",
    ),
    "paused": (
        "held",
        "Paused",
        "Training stands still until you remove control/pause or run: finetuned resume",
    ),
    "blocked": ("trouble", "Blocked", "Nothing can be trained until the following is settled."),
    "waiting_for_space": (
        "trouble",
        "Waiting for space",
        "The next file needs more free room on the disk.",
    ),
    "disk_full": (
        "trouble",
        "Disk full",
        "Make room on the disk: work goes on by itself when there is some.",
    ),
    "stopping": ("held", "Stopping", "The daemon saves its work and leaves."),
    "stopped": ("held", "Stopped", "The daemon was stopped and does nothing."),
    "crashed": ("trouble", "Crashed", "The daemon has ended with an error."),
}
"""By the status document's `status`: tone, title, sentence."""
TELLING = ("blocked", "intake", "preparing")
"""States of which the daemon's own words say more."""


@dataclass(frozen=True)
class Headline:
    """What stands at the top of the page."""

    tone: Tone
    title: str
    sentence: str
    detail: str
    """The daemon's own words, or the deed that helps; may be empty."""


def headline(document: Mapping[str, Any] | None, pulse: Pulse) -> Headline:
    """Say in a few words how the daemon is; one that is dead is never said to be at work."""
    if pulse.pid is None:
        return _dead(document, pulse)
    if document is None:
        return Headline("working", "Starting", "The daemon has just begun.", "")
    if pulse.problem is not None:
        sentence = "The daemon is there but does not answer; what is shown may be old."
        return Headline("trouble", "No answer", sentence, pulse.problem)
    return _state(document)


def _dead(document: Mapping[str, Any] | None, pulse: Pulse) -> Headline:
    if document is None:
        sentence = "The daemon has never run in this workspace."
        return Headline("held", "Not started", sentence, pulse.problem or "")
    status = str(document.get("status"))
    if status == "stopped":
        return Headline("held", "Stopped", STATES[status][2], pulse.problem or "")
    sentence = f"The daemon is gone; the last it said was “{status}”. Nothing is lost."
    return Headline("trouble", "Not running", sentence, pulse.problem or "")


def _state(document: Mapping[str, Any]) -> Headline:
    status = str(document.get("status"))
    known = status in STATES and status not in TELLING
    message = "" if known else str(document.get("message") or "")
    # A state this version does not know is shown as it stands.
    tone, title, sentence = STATES.get(status, ("working", status, ""))
    if document.get("error_message"):
        message = str(document["error_message"])
    return Headline(tone, title, sentence, message)
