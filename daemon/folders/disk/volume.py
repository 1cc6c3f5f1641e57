"""Checks the volume and folder of a workspace for `doctor`: links, cloud sync, permissions."""

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
# A second account's name follows the service's: "OneDrive - Firm", "Dropbox (Firm)".
CLOUD_ACCOUNTS = ("OneDrive - ", "Dropbox (")
GUARDED_FOLDERS = ("Desktop", "Documents", "Downloads")


def supports_links(root: Path) -> bool:
    """Return whether a folder allows symbolic links, by creating one."""
    probe = root / f"{atomic.PREFIX}{os.getpid()}-link"
    try:
        atomic.replace_link(probe, "nowhere")
    except (OSError, NotImplementedError):
        return False
    atomic.remove_file(probe)
    return True


def cloud_folder(root: Path) -> str | None:
    """Return the cloud service that synchronises a folder, by its path; None for none."""
    path = f"/{root.as_posix().strip('/')}/"
    named = next((name for name in CLOUD_FOLDERS if f"/{name}/" in path), None)
    return named or next((part for part in root.parts if part.startswith(CLOUD_ACCOUNTS)), None)


def guarded_folder(root: Path, home: Path) -> Path | None:
    """Return the folder of a Mac that programs need the user's permission for; None for none.

    Terminals mostly have that permission, services that start at login do not.
    """
    guarded = [home / name for name in GUARDED_FOLDERS]
    if root.parts[:2] == ("/", "Volumes"):
        guarded.append(Path(*root.parts[:3]))
    return next((folder for folder in guarded if root.is_relative_to(folder)), None)


def world_writable(root: Path) -> bool:
    """Return whether any user of the machine can change a folder."""
    return bool(root.stat().st_mode & stat.S_IWOTH)
