"""Readers beside a daemon at work: every read of the status is one whole document, newer or equal.

Run as a program it is one reader: it reads a file so many times and prints what was wrong.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.workspace import Workspace, chats
from tests.reliability.scenario import SETTINGS

BUSY = SETTINGS.replace("epochs = 2", "epochs = 1000")
READERS = 2


def read_while_it_works(root: Path, reads: int) -> list[str]:
    """Return what readers found wrong in so many reads while a daemon trains."""
    with Workspace(root / "w", settings=BUSY) as space:
        space.drop("a.jsonl", chats(200))
        space.start()
        space.wait("steps", lambda: space.metrics())
        first = space.status()["seq"]
        argv = [sys.executable, "-m", "tests.reliability.truth", str(space.layout.status_file)]
        readers = [
            subprocess.Popen([*argv, f"{-(-reads // READERS)}"], stdout=subprocess.PIPE, text=True)
            for _ in range(READERS)
        ]
        found = [line for reader in readers for line in reader.communicate()[0].splitlines()]
        found += [f"a reader ended with {r.returncode}" for r in readers if r.returncode]
        if space.status()["seq"] - first < READERS:
            found.append("it was not written meanwhile: nothing was tried")
        return found


def wrong_in(path: Path, reads: int) -> list[str]:
    """Read a status document so many times; return what was wrong with it, ten things at most."""
    found: list[str] = []
    latest = (-1, -1.0)
    for number in range(reads):
        data = path.read_bytes()
        try:
            status = json.loads(data, parse_constant=_refuse)
        except ValueError as error:
            found.append(f"read {number}: {error}: {data[:200]!r}")
            continue
        if not data.endswith(b"}\n") or data.count(b"\n") != 1:
            found.append(f"read {number}: not one whole line")
        now = status["seq"], status["uptime_seconds"]
        if now[0] < latest[0] or now[1] < latest[1] or (now[0] > latest[0]) != (now[1] > latest[1]):
            found.append(f"read {number}: seq and uptime {now} after {latest}")
        latest = now
        committed, current = status.get("committed_step"), status.get("current_step")
        if committed is not None and current is not None and committed > current:
            found.append(f"read {number}: step {current}, and {committed} is committed")
        if len(found) >= 10:
            break
    return found


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


if __name__ == "__main__":
    for line in wrong_in(Path(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(f"{line}\n")
