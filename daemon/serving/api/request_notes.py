"""What is noted of one request on its way: its number, the fields that were ignored, its client."""

import sys
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.datastructures import MutableHeaders

from daemon.core.workspace.jobs import escape
from daemon.serving.api.cross_origin import allow_reading

IGNORED_HEADER, ID_HEADER = "X-Finetuned-Ignored", "X-Request-Id"
MOST_NAMES, MOST_CLIENTS = 20, 1000
UNNAMED = "unnamed"

_KEY = "finetuned.notes"


@dataclass
class RequestNotes:
    """One request's notes; they become headers of its answer."""

    id: str = field(default_factory=lambda: f"req_{uuid4().hex}")
    client: str = UNNAMED
    """The program that its `User-Agent` names first."""
    ignored: tuple[str, ...] = ()
    origin: str | None = None
    """The allowed page elsewhere that asks."""

    def write(self, headers: MutableHeaders) -> None:
        """Add the headers."""
        headers[ID_HEADER] = self.id
        if self.ignored:
            headers[IGNORED_HEADER] = listed(self.ignored)
        if self.origin is not None:
            allow_reading(headers, self.origin)


def begin_notes(scope: MutableMapping[str, Any]) -> RequestNotes:
    """Begin the notes of a request."""
    agents = [value for name, value in scope["headers"] if name.lower() == b"user-agent"]
    notes = RequestNotes(client=client_name(agents[0] if agents else b""))
    scope[_KEY] = notes
    return notes


def notes_of(scope: MutableMapping[str, Any]) -> RequestNotes:
    """Return the notes of a request."""
    notes: RequestNotes = scope[_KEY]
    return notes


def client_name(agent: bytes) -> str:
    """Return the program that a `User-Agent` names: `OpenAI/Python 3.1` is `OpenAI/Python`."""
    words = agent.decode("latin-1").split()
    return _ascii(escape(words[0], 40)) if words else UNNAMED


def listed(names: Sequence[str]) -> str:
    """Return names in one short line of ASCII."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(_shown(name) for name in names[:MOST_NAMES]) + more


def _shown(name: str) -> str:
    # A header's value must not end with a blank, and HTTP has no control characters.
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in name[:80])
    return _ascii(text).strip() or '""'


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


class IgnoredFields:
    """Tells of ignored fields: in the answer's head each time, in the log once a client."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, tuple[str, ...]]] = set()

    def report(self, notes: RequestNotes, names: tuple[str, ...]) -> None:
        """Note the fields of a request that were ignored."""
        notes.ignored = names
        key = (notes.client, tuple(sorted(set(names)))[:MOST_NAMES])
        if names and key not in self._logged and len(self._logged) < MOST_CLIENTS:
            self._logged.add(key)
            sys.stderr.write(f"{notes.client} sends fields that are ignored: {listed(names)}\n")
