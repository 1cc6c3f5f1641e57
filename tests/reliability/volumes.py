"""The history of `scenario.py` with the inbox on another volume than the queue.

Run as a program it must be alone in a mount namespace: it mounts a tmpfs as the inbox, has one
fault happen, or none, and prints what is broken.
"""

import json
import subprocess
import sys
from pathlib import Path

from daemon import failpoints
from tests.reliability.faults import Fault, suffer
from tests.reliability.scenario import End
from tests.reliability.small_disk import ENTER

POINTS = (
    "building.begun",
    "building.filled",
    "building.synced",
    "move.begun",
    "move.renamed",
    "remove.begun",
    "remove.unlinked",
    "write.renamed",
    "trash.renamed",
    "mkdir.made",
)
"""Places that a copy passes on its way to be a job."""


def some_faults(occurrences: int) -> list[Fault]:
    """Return a kill at each of the first so many passings of each place."""
    return [
        Fault("supervisor", point, number, failpoints.KILL)
        for point in POINTS
        for number in range(1, occurrences + 1)
    ]


def across(root: Path, fault: Fault, calm: End) -> list[str]:
    """Return what is broken after a fault while files come from another volume."""
    argv = [*ENTER, sys.executable, "-m", "tests.reliability.volumes", str(root), str(fault)]
    done = subprocess.run(
        argv, input=json.dumps(vars(calm)), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return [done.stdout, done.stderr[-3000:]]
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    root, fault = Path(sys.argv[1]), Fault.read(sys.argv[2])
    calm = End.from_record(json.load(sys.stdin))
    inbox = root / "w" / "inbox"
    inbox.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(inbox)], check=True)
    sys.stdout.write(json.dumps(suffer(root, fault, calm)))


if __name__ == "__main__":
    main()
