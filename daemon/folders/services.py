"""The service file of launchd or systemd, outside every workspace."""

from pathlib import Path

from daemon.errors import UserFault
from daemon.folders.disk import atomic

MODE = 0o644


def read(path: Path) -> bytes | None:
    """Return the file's content; None if there is none.

    Raises:
        UserFault: something is there that cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _fault(path, "read", error) from error


def write(path: Path, data: bytes) -> None:
    """Write the file atomically, and create the folders above it.

    Raises:
        UserFault: it cannot be written.
    """
    try:
        atomic.make_directory(path.parent)
        with atomic.replacing(path) as temporary:
            temporary.touch()
            # Whoever can change this file can run commands as its owner.
            temporary.chmod(MODE)
            temporary.write_bytes(data)
    except OSError as error:
        raise _fault(path, "written", error) from error


def remove(path: Path) -> None:
    """Remove the file.

    Raises:
        UserFault: it cannot be removed.
    """
    try:
        atomic.remove_file(path)
    except OSError as error:
        raise _fault(path, "removed", error) from error


def _fault(path: Path, deed: str, error: OSError) -> UserFault:
    why = error.strerror or str(error)
    return UserFault("service_file", f"{path} cannot be {deed} ({why}); see who owns it")
