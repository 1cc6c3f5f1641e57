"""What the volume of a workspace can do, for `doctor`; leaves nothing behind."""

import os
import stat
from pathlib import Path

from daemon.folders import atomic

CLOUD_FOLDERS = (
    "Library/Mobile Documents", "Library/CloudStorage", "iCloud Drive", "Dropbox", "OneDrive",
    "Google Drive", "Nextcloud",
)  # fmt: skip


def supports_links(root: Path) -> bool:
    """Say whether symbolic links can be made in a folder, by making one."""
    probe = root / f"{atomic.PREFIX}{os.getpid()}-link"
    try:
        atomic.replace_link(probe, "nowhere")
    except (OSError, NotImplementedError):
        return False
    atomic.remove_file(probe)
    return True


def cloud_folder(root: Path) -> str | None:
    """Return which cloud service synchronises a folder, by its path; None where none does."""
    parts = f"/{root.as_posix().strip('/')}/"
    return next((name for name in CLOUD_FOLDERS if f"/{name}/" in parts), None)


def world_writable(root: Path) -> bool:
    """Say whether any user of the machine may change a folder."""
    return bool(root.stat().st_mode & stat.S_IWOTH)
