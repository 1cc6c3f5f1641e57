"""Expands the number of a version to its full name."""

from daemon.core.workspace.versions import version_name


def named(version: str) -> str:
    """Return a version's full name; `12` and `v12` are expanded, other names stay."""
    number = version.removeprefix("v")
    return version_name(int(number)) if number.isdecimal() else version
