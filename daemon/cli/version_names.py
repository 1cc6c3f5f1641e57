"""Finds the version that a user names, or means without a name."""

from daemon.core.training.manifests import Manifest
from daemon.core.workspace.jobs import escape
from daemon.core.workspace.versions import version_name
from daemon.errors import UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import read_manifest
from daemon.layout import Layout


def named(version: str) -> str:
    """Return a version's full name; `12` and `v12` are expanded, other names stay."""
    number = version.removeprefix("v")
    return version_name(int(number)) if number.isdecimal() else version


def current(layout: Layout) -> str:
    """Return the current version.

    Raises:
        UserFault: there is none yet.
    """
    version = current_model.read(layout)
    if version is None:
        raise UserFault("no_version", "there is no current model yet: run the daemon first")
    return version


def manifest_of(layout: Layout, version: str) -> Manifest:
    """Return the manifest of a version.

    Raises:
        UserFault: there is no such version, or it is damaged.
    """
    try:
        return read_manifest(layout.version(version))
    except FileNotFoundError as error:
        raise UserFault("no_such_version", f"there is no version {escape(version)}") from error
    except (OSError, ValueError) as error:
        raise UserFault("version_damaged", f"{version} cannot be read: {error}") from error
