"""The systemd user unit of a daemon, as text, and back; knows no file."""

import re

from daemon.core.service.service import STOP_S, Service
from daemon.errors import ExitCode

START_S = 600
"""Seconds a start may take: it waits for a trainer that is left, and for room on a full disk."""

WATCHDOG_S = 180
"""Silence that is a hang. A tick takes milliseconds, but a machine that swaps may hold one up."""

PAUSE_S = 10
STARTS = 5
STARTS_WITHIN_S = 600

HOPELESS = (ExitCode.USAGE, ExitCode.BLOCKED, ExitCode.MODEL, ExitCode.DISK_BROKEN)
"""Ends that only the user can do something about: settings, workspace, base model, disk."""

IN_PROGRAM = "\"'\\"
"""systemd refuses a program whose path has one of these, however it is written."""

UNIT = """\
[Unit]
Description=finetuned, the fine-tune daemon, in {title}
# A crash loop ends in the state "failed".
StartLimitIntervalSec={starts_within}
StartLimitBurst={starts}

[Service]
Type=notify
# The colon keeps systemd from looking for variables: a path may hold a $.
ExecStart={command}
WorkingDirectory={root}
WatchdogSec={watchdog}
TimeoutStartSec={start}
TimeoutStopSec={stop}
Restart=on-failure
RestartSec={pause}
RestartPreventExitStatus={hopeless}
# The daemon ends its workers itself, after they have committed.
KillMode=mixed
# It also goes on when the kernel ends a trainer that took too much memory.
OOMPolicy=continue

[Install]
WantedBy=default.target
"""


def unit(service: Service) -> bytes:
    """Return the text of a unit that starts with the user's session."""
    first, *rest = service.argv
    return UNIT.format(
        title=_plain(service.root),
        command=" ".join([_quoted(f":{first}"), *(_quoted(word) for word in rest)]),
        root=_plain(service.root),
        watchdog=WATCHDOG_S,
        start=START_S,
        stop=STOP_S,
        pause=PAUSE_S,
        starts=STARTS,
        starts_within=STARTS_WITHIN_S,
        hopeless=" ".join(str(code.value) for code in HOPELESS),
    ).encode()


def command_of(data: bytes) -> tuple[str, ...] | None:
    """Return the command in a unit's text; None where it is none that `unit` wrote."""
    text = data.decode(errors="replace")
    line = re.search(r'^ExecStart=((?:"(?:[^"\\]|\\.)*" ?)+)$', text, re.MULTILINE)
    if line is None:
        return None
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', line.group(1))
    first, *rest = (re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words)
    return (first.removeprefix(":"), *rest)


def _quoted(word: str) -> str:
    """Return a word of a command line."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _plain(path: str) -> str:
    """Return a folder's path where no quoting is known.

    The slash keeps a space or a backslash at its end from being taken off, or joining two lines.
    """
    return path.replace("%", "%%").rstrip("/") + "/"
