"""The launchd agent of a daemon, as bytes, and back; knows no file. Untested on hardware."""

import plistlib
from typing import Any
from xml.parsers.expat import ExpatError

from daemon.core.service.service import STOP_S, Service

PAUSE_S = 60
"""Seconds between two starts at least. launchd never gives up: a crash loop must stay cheap."""


def agent(service: Service, label: str, log: str) -> bytes:
    """Return the property list of an agent that starts with the user's session.

    `log` takes what the daemon writes to its standard output and error.
    """
    keys: dict[str, Any] = {
        "Label": label,
        "ProgramArguments": list(service.argv),
        "WorkingDirectory": service.root,
        "RunAtLoad": True,
        # An end with 0 was asked for (`control/stop`) and stays; a crash is followed by a start.
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": PAUSE_S,
        "ExitTimeOut": STOP_S,
        # Background and Standard jobs have their CPU and disk throttled, which makes training
        # several times slower; Adaptive needs XPC. Only Interactive runs as a command does.
        "ProcessType": "Interactive",
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    return plistlib.dumps(keys)


def command_of(data: bytes) -> tuple[str, ...] | None:
    """Return the command in an agent's file; None where it is no agent."""
    try:
        keys: Any = plistlib.loads(data)
        return tuple(str(word) for word in keys["ProgramArguments"])
    except (plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError):
        return None
