"""Who may read what is written into a workspace, and who may write there; knows no file of it."""

import os
import pwd
from pathlib import Path
from typing import Literal

from daemon.errors import OwnerFault

Access = Literal["owner", "group", "umask"]
MASKS: dict[Access, int] = {"owner": 0o077, "group": 0o027}


def restrict(access: Access) -> None:
    """Have this process and its workers make files that only such users may read.

    Files that are there already keep their modes, dropped ones theirs: what they are moved into
    is closed. `umask` leaves the mask of whoever started the process.
    """
    if access != "umask":
        os.umask(MASKS[access])


def refuse_foreign_root(root: Path) -> None:
    """See that root does not fill another user's workspace.

    Raises:
        OwnerFault: root does.
    """
    owner = root.stat().st_uid
    if os.geteuid() != 0 or owner == 0:
        return
    raise OwnerFault(
        "root",
        f"{root} belongs to {_name(owner)}, and files that root makes there could not be changed "
        f"by {_name(owner)} any more: run this as {_name(owner)}, without sudo, or give 'finetuned "
        "run' --as-root",
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"
