"""Writes and parses the launchd agent (property list) of a daemon. Untested on hardware."""

import plistlib
from typing import Any
from xml.parsers.expat import ExpatError

from daemon.core.records import JsonObject
from daemon.core.service.service import STOP_S, Service

PAUSE_S = 60
"""Least seconds between two starts. launchd never gives up, so a crash loop must stay cheap."""


def agent(service: Service, label: str, log: str) -> bytes:
    """Return the property list of an agent that starts with the user's session.

    `log` receives the daemon's standard output and error.
    """
    keys: JsonObject = {
        "Label": label,
        "ProgramArguments": list(service.argv),
        "WorkingDirectory": service.root,
        "RunAtLoad": True,
        # Exit code 0 was requested (`control/stop`): no restart; after a crash there is one.
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
    """Return the command in an agent's file; None if it is not an agent."""
    try:
        keys: Any = plistlib.loads(data)
        return tuple(str(word) for word in keys["ProgramArguments"])
    except (plistlib.InvalidFileException, ExpatError, ValueError, KeyError, TypeError):
        return None
