"""The dashboard's headline: the daemon's state, and what it waits for, in words for newcomers."""

from dataclasses import dataclass
from typing import Literal

from daemon.core.decisions.pulse import Pulse
from daemon.core.status.shown import ShownStatus

Tone = Literal["working", "waiting", "held", "trouble"]

STATES: dict[str, tuple[Tone, str, str]] = {
    "idle": ("waiting", "Idle", "Nothing waits to be trained: drop a .jsonl file into inbox/."),
    "preparing": ("working", "Preparing", "The base model is being prepared."),
    "intake": ("working", "Reading files", "New files are checked row by row before training."),
    "training": ("working", "Training", "The model is learning from your file."),
    "judging": (
        "working",
        "Judging",
        "The result is compared with the current version on held-out rows.",
    ),
    "paused": (
        "held",
        "Paused",
        "Training is on hold until you remove control/pause or run: finetuned resume",
    ),
    "blocked": ("trouble", "Blocked", "Nothing can be trained until the following is fixed."),
    "waiting_for_space": (
        "trouble",
        "Waiting for space",
        "The next file needs more free disk space.",
    ),
    "disk_full": (
        "trouble",
        "Disk full",
        "Free some disk space: work resumes by itself.",
    ),
    "stopping": ("held", "Stopping", "The daemon saves its work and leaves."),
    "stopped": ("held", "Stopped", "The daemon was stopped and does nothing."),
    "crashed": ("trouble", "Crashed", "The daemon has ended with an error."),
}
"""Tone, title and sentence by the status document's `status`."""
SELF_EXPLAINING = ("blocked", "intake", "preparing")
"""States for which the daemon's own message says more."""


@dataclass(frozen=True)
class Headline:
    """The top of the page."""

    tone: Tone
    title: str
    sentence: str
    detail: str
    """The daemon's own message, or what helps; may be empty."""


def headline(document: ShownStatus | None, pulse: Pulse) -> Headline:
    """Return how the daemon is, in a few words; a dead one is never shown as working."""
    if pulse.pid is None:
        return _dead(document, pulse)
    if document is None:
        return Headline("working", "Starting", "The daemon has just begun.", "")
    if pulse.problem is not None:
        sentence = "The daemon is running but does not answer; what is shown may be old."
        return Headline("trouble", "No answer", sentence, pulse.problem)
    return _state(document)


def _dead(document: ShownStatus | None, pulse: Pulse) -> Headline:
    if document is None:
        sentence = "The daemon has never run in this workspace."
        return Headline("held", "Not started", sentence, pulse.problem or "")
    status = str(document.get("status"))
    if status == "stopped":
        return Headline("held", "Stopped", STATES[status][2], pulse.problem or "")
    sentence = f"The daemon is gone; its last state was “{status}”. Nothing is lost."
    return Headline("trouble", "Not running", sentence, pulse.problem or "")


def _state(document: ShownStatus) -> Headline:
    status = str(document.get("status"))
    known = status in STATES and status not in SELF_EXPLAINING
    message = "" if known else str(document.get("message") or "")
    # An unknown state is shown as it is.
    tone, title, sentence = STATES.get(status, ("working", status, ""))
    if document.get("error_message"):
        message = str(document["error_message"])
    return Headline(tone, title, sentence, message)
