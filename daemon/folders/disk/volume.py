"""What the volume of a workspace can do, for `doctor`; leaves nothing behind."""

import os
import stat
from pathlib import Path

from daemon.folders.disk import atomic

CLOUD_FOLDERS = (
    "Library/Mobile Documents",
    "Library/CloudStorage",
    "iCloud Drive",
    "Dropbox",
    "OneDrive",
    "Google Drive",
    "Nextcloud",
)
# A second account has its name behind the service's: "OneDrive - Firm", "Dropbox (Firm)".
CLOUD_ACCOUNTS = ("OneDrive - ", "Dropbox (")
GUARDED_FOLDERS = ("Desktop", "Documents", "Downloads")


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
    path = f"/{root.as_posix().strip('/')}/"
    named = next((name for name in CLOUD_FOLDERS if f"/{name}/" in path), None)
    return named or next((part for part in root.parts if part.startswith(CLOUD_ACCOUNTS)), None)


def guarded_folder(root: Path, home: Path) -> Path | None:
    """Return the folder of a Mac that programs need the user's leave for; None where none is.

    Terminals mostly have that leave, services that start at login do not.
    """
    guarded = [home / name for name in GUARDED_FOLDERS]
    if root.parts[:2] == ("/", "Volumes"):
        guarded.append(Path(*root.parts[:3]))
    return next((folder for folder in guarded if root.is_relative_to(folder)), None)


def world_writable(root: Path) -> bool:
    """Say whether any user of the machine may change a folder."""
    return bool(root.stat().st_mode & stat.S_IWOTH)
