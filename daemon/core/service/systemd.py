"""Writes and parses the systemd user unit of a daemon."""

import re

from daemon.core.service.service import STOP_S, Service
from daemon.errors import ExitCode

START_S = 600
"""Seconds a start may take: it may wait for an old trainer to end and for room on the disk."""

WATCHDOG_S = 180
"""Seconds of silence that mean a hang. A tick takes milliseconds, but swapping may delay one."""

PAUSE_S = 10
STARTS = 5
STARTS_WITHIN_S = 600

HOPELESS = (ExitCode.USAGE, ExitCode.BLOCKED, ExitCode.MODEL, ExitCode.DISK_BROKEN)
"""Exit codes that only the user can resolve: settings, workspace, base model, disk."""

IN_PROGRAM = "\"'\\"
"""systemd refuses a program whose path contains one of these, however it is quoted."""

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
    """Return the command in a unit's text; None if `unit` did not write it."""
    text = data.decode(errors="replace")
    line = re.search(r'^ExecStart=((?:"(?:[^"\\]|\\.)*" ?)+)$', text, re.MULTILINE)
    if line is None:
        return None
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', line.group(1))
    first, *rest = (re.sub(r"\\(.)", r"\1", word).replace("%%", "%") for word in words)
    return (first.removeprefix(":"), *rest)


def _quoted(word: str) -> str:
    """Return a quoted word of a command line."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _plain(path: str) -> str:
    """Return a folder's path for a field without quoting.

    The final slash keeps a trailing space from being stripped, or a backslash from joining lines.
    """
    return path.replace("%", "%%").rstrip("/") + "/"
