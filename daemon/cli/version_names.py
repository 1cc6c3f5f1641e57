"""The full name of a version of which a user gave the number."""

from daemon.core.workspace.versions import version_name


def named(version: str) -> str:
    """Return a version's full name where only its number was given: `12`, `v12`."""
    number = version.removeprefix("v")
    return version_name(int(number)) if number.isdecimal() else version
