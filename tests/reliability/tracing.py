"""Has strace look at a daemon, or at one kind of its workers; knows no history.

A worker is reached by another program in the place of Python, which the daemon takes from
`sys.executable`: no test flag in the daemon.
"""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SUPERVISOR = "supervisor"
CHANGES = (
    "open",
    "openat",
    "creat",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "sendfile",
    "copy_file_range",
    "ftruncate",
    "truncate",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rmdir",
    "symlink",
    "symlinkat",
    "link",
    "linkat",
)
"""System calls that can change the disk or make a change durable."""


def possible() -> bool:
    """Return whether strace is there and may look at processes."""
    strace = shutil.which("strace")
    if strace is None:
        return False
    probe = [*tracer(Path("/dev/null"), ("fsync",)), "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def tracer(
    log: Path,
    calls: Sequence[str],
    *more: str,
    worker: bool = False,
    threads: bool = True,
) -> list[str]:
    """Return the beginning of a command line that has these system calls written to a file.

    With `threads`, those of all its threads and children too. A `worker` stays the child of the
    daemon, its tracer runs beside it; else the tracer ends when the process does, its log written.
    """
    # A name with a question mark may be unknown: not every system has each call.
    names = ",".join(f"?{call}" for call in calls)
    # The kernel's filter spares the other calls a stop; with it strace 6.1 injects nothing.
    quick = threads and not any("inject=" in option for option in more)
    return [
        "strace",
        *(("-D",) if worker else ()),
        *(("-f",) if threads else ()),
        *(("--seccomp-bpf",) if quick else ()),
        "-y",
        "-e",
        "signal=SIGKILL",
        "-e",
        f"trace={names}",
        "-o",
        str(log),
        *more,
    ]


def tracer_of(kind: str, log: Path, calls: Sequence[str], *more: str) -> list[str]:
    """Return the same for a kind of process; of the supervisor its own thread, no worker."""
    worker = kind != SUPERVISOR
    return tracer(log, calls, *more, worker=worker, threads=worker)


def was_killed(log: Path) -> bool:
    """Return whether a traced process ended by SIGKILL."""
    return log.exists() and "+++ killed by SIGKILL +++" in log.read_text(errors="replace")


def traced_daemon(folder: Path, tracers: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the command of a daemon of which the first process of some kinds is traced.

    `folder` takes a program and the marks that a process was traced.
    """
    program = folder / "python"
    python = shlex.quote(sys.executable)
    cases = "".join(
        f'*" daemon.{kind} "*) mkdir {shlex.quote(str(folder / kind))} 2>/dev/null &&\n'
        f'  exec {shlex.join(command)} {python} "$@";;\n'
        for kind, command in tracers.items()
        if kind != SUPERVISOR
    )
    program.write_text(f'#!/bin/sh\ncase " $* " in\n{cases}esac\nexec {python} "$@"\n')
    program.chmod(0o755)
    launch = (sys.executable, "-m", "tests.reliability.launch", str(program))
    return [*tracers.get(SUPERVISOR, ()), *launch]
