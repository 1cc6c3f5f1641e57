"""Restricts who may read the files of a workspace, and keeps root from writing into another's."""

import os
import pwd
from pathlib import Path
from typing import Literal

from daemon.errors import OwnerFault

Access = Literal["owner", "group", "umask"]
MASKS: dict[Access, int] = {"owner": 0o077, "group": 0o027}


def restrict(access: Access) -> None:
    """Set the mode of new files of this process and its workers, so that only such users can read.

    Existing and dropped files keep their modes; the folders they are moved into are closed. With
    `umask` the inherited mask stays.
    """
    if access != "umask":
        os.umask(MASKS[access])


def refuse_foreign_root(root: Path) -> None:
    """Refuse to write as root into another user's workspace.

    Raises:
        OwnerFault: this process is root, and the workspace is another user's.
    """
    owner = root.stat().st_uid
    if os.geteuid() != 0 or owner == 0:
        return
    raise OwnerFault(
        "root",
        f"{root} belongs to {_name(owner)}, who could not change files that root creates there: "
        f"run this as {_name(owner)}, without sudo, or use 'finetuned "
        "run' --as-root",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"
