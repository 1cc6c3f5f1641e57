"""The history of `scenario.py` on a real file system that is full for a while.

Run as a program it must be alone in a mount namespace (`unshare --user --map-root-user --mount`):
it mounts a tmpfs, drops the files, fills the disk up to some bytes, lets the daemon work until it
says that the disk is full or has come as far as it can, makes room, and prints what is broken.
"""

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from tests.end_to_end.workspace import Workspace
from tests.reliability.scenario import SETTINGS, End, broken, drop_all

DISK_BYTES = 16 * 2**20
BLOCK = 4096
FULL_FOR_S = 1.5
ENTER = ("unshare", "--user", "--map-root-user", "--mount")


def possible() -> bool:
    """Return whether this system lets a user mount a file system of his own."""
    script = "mount -t tmpfs none /mnt"
    try:
        done = subprocess.run([*ENTER, "sh", "-c", script], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def fill_up(root: Path, free_bytes: int, calm: End) -> list[str]:
    """Return what is broken after a disk with so many bytes left was full for a while."""
    argv = [
        *ENTER,
        sys.executable,
        "-m",
        "tests.reliability.small_disk",
        str(root),
        f"{free_bytes}",
    ]
    done = subprocess.run(
        argv, input=json.dumps(vars(calm)), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return [done.stdout, done.stderr[-3000:]]
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    root, free = Path(sys.argv[1]), int(sys.argv[2])
    calm = End.from_record(json.load(sys.stdin))
    size = f"size={DISK_BYTES}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(root)], check=True)
    with Workspace(root / "w", settings=SETTINGS) as space:
        drop_all(space)
        # What the daemon says must not need room on the disk that is full.
        (space.root / "console.txt").symlink_to(root.with_name(f"{root.name}.console"))
        ballast = root / "ballast"
        leave_free(ballast, root, free)
        space.start()
        space.wait("a full disk, or nothing left to do", lambda: stuck(space))
        threading.Event().wait(FULL_FOR_S)
        said = space.status().get("status")
        ballast.unlink()
        space.wait("the end of all jobs", lambda: ended(space))
        code = space.terminate()
        found = broken(space, calm)
        if code != 0:
            found.append(f"I8: exit status {code}")
        story = [f"while it was full it said: {said}", space.story()] if found else []
        sys.stdout.write(json.dumps([*found, *story]))


def leave_free(ballast: Path, root: Path, free: int) -> None:
    """Fill a disk until so many bytes are left."""
    with ballast.open("wb", buffering=0) as file:
        while True:
            state = os.statvfs(root)
            left = state.f_bavail * state.f_frsize - free
            if left < BLOCK:
                return
            try:
                file.write(bytes(min(left, 2**20)))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return


def stuck(space: Workspace) -> bool:
    """Return whether nothing goes on: it says so where it can, or nothing was started at all."""
    said = space.status().get("status") == "disk_full" or space.told("alert", code="disk_full")
    console = (space.root / "console.txt").read_text()
    return bool(said) or "the disk is full" in console or ended(space)


def ended(space: Workspace) -> bool:
    """Return whether every file has come to its end."""
    return (
        len(space.jobs("done")) == 2
        and len(space.jobs("failed")) == 1
        and len(space.told("run_ended")) == 2
    )


if __name__ == "__main__":
    main()
