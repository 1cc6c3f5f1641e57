"""Provenance of a version: git commit, platform and library versions, without any network."""

import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import daemon
from daemon.core.training.manifests import Provenance

LIBRARIES = ("mlx", "mlx-lm", "numpy", "tokenizers", "transformers")
"""A different version of any of these may change a result."""

CHECKOUT = Path(daemon.__file__).parents[1]
GIT_S = 20.0
"""Longest wait for git, in seconds."""


def libraries() -> dict[str, str]:
    """Return the versions that a run depends on, as they were at this process's first call."""
    return dict(_libraries())


@cache
def _libraries() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def describe_platform() -> str:
    """Return system, release and machine in one line."""
    return f"{platform.system()} {platform.release()} {platform.machine()}"


def made_by(device: str) -> Provenance:
    """Return the code, platform and libraries in use."""
    platform = f"{describe_platform()} ({device})"
    return Provenance(git_commit(CHECKOUT), git_dirty(CHECKOUT), platform, libraries())


def git_commit(checkout: Path) -> str:
    """Return the commit that a checkout has checked out, from its files, or "unknown"."""
    git = checkout / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return _checked(head)
        name = head.removeprefix("ref: ")
        if (git / name).exists():
            return _checked((git / name).read_text().strip())
        for line in (git / "packed-refs").read_text().splitlines():
            if line.endswith(f" {name}"):
                return _checked(line.split()[0])
    except (OSError, UnicodeDecodeError):
        pass
    return "unknown"


def git_dirty(checkout: Path) -> bool | None:
    """Return whether the package in a checkout differs from its commit; None if that is unknown.

    Only the package counts: other files in the checkout do not affect training.
    """
    if not (checkout / ".git").exists():
        return None
    # A status query must not run a file-watching hook that the checkout may have configured.
    command = ("git", "-c", "core.fsmonitor=false", "--no-optional-locks", "status", "--porcelain")
    try:
        done = subprocess.run(
            [*command, "--", "daemon"], cwd=checkout, capture_output=True, check=True, timeout=GIT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(done.stdout.strip())


def _checked(text: str) -> str:
    return text if re.fullmatch(r"[0-9a-f]{40,64}", text) else "unknown"
