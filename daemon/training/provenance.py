"""Which code and which libraries a version was made with; asks no network and no other program."""

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("mlx", "mlx-lm", "numpy", "tokenizers", "transformers")
"""Another version of one of these may change a result."""


def libraries() -> dict[str, str]:
    """Return the versions that a run depends on."""
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


def git_commit(checkout: Path) -> str:
    """Return the commit a checkout stands on, read from its files, or "unknown"."""
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


def _checked(text: str) -> str:
    return text if re.fullmatch(r"[0-9a-f]{40,64}", text) else "unknown"
