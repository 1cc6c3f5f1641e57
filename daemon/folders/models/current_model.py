"""`current_model`: the symbolic link to the promoted version, the only record of which it is."""

import os
import re

from daemon.errors import DaemonFault
from daemon.folders.disk import atomic
from daemon.layout import Layout

TARGET = re.compile(r"models/versions/(v\d{6,})/?\Z")


def read(layout: Layout) -> str | None:
    """Return the version the link names; None if it is missing or points anywhere else."""
    try:
        target = os.readlink(layout.current_model)
    except OSError:
        return None
    match = TARGET.match(target)
    return match.group(1) if match else None


def point_at(layout: Layout, version: str) -> None:
    """Move the link by one rename.

    Raises:
        DaemonFault: there is something other than a link, or links are not supported.
    """
    link = layout.current_model
    if os.path.lexists(link) and not link.is_symlink():
        raise DaemonFault(
            "current_model_no_link",
            f"{link} is not a symbolic link: move it away and start again",
        )
    try:
        atomic.replace_link(link, f"models/versions/{version}")
    except (PermissionError, NotImplementedError) as error:
        raise DaemonFault(
            "no_symbolic_links",
            f"the volume of {layout.root} cannot hold symbolic links ({error}); "
            "use a workspace on a local volume",
        ) from error
