"""Finds the version that a user names, or means without a name."""

from daemon.core.training.manifests import Manifest
from daemon.core.workspace.jobs import escape
from daemon.core.workspace.version_names import LATEST, full_name
from daemon.errors import UserFault
from daemon.folders.models import current_model
from daemon.folders.models.models import read_manifest, version_names
from daemon.layout import Layout


def named(layout: Layout, version: str) -> str:
    """Return a version's full name; `12`, `v12` and `latest` are expanded, other names stay."""
    return full_name(version, version_names(layout) if version == LATEST else ())


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
