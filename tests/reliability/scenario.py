"""One small history of a workspace, and what must be true of it whatever happened on the way.

Two good files and a bad one are dropped, each file is a run of its own, and every step of the
daemon is deterministic: however often it is disturbed, the versions must come out bit by bit the
same (invariants I1 to I8 of docs/reliability.md).
"""

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from daemon.folders.models import models
from tests.end_to_end.workspace import Workspace, chats
from tests.reliability.audit import audit

SETTINGS = (
    "[inbox]\nsettle_s = 0.05\n[intake]\npictures = false\n[checkpoint]\nsteps = 2\n"
    "[run]\ngather_rows = 1\nloss_curve = false\n"
    "[training]\nepochs = 2\nbatch_rows = 4\nwarmup_steps = 2\nrewarm_steps = 2\n"
    "[evaluation]\neval_every = 3\n"
)
PICTURED = SETTINGS.replace("= false", "= true")
"""The same with all pictures."""

FILES: dict[str, bytes] = {
    "a.jsonl": b"".join(f"{json.dumps(row)}\n".encode() for row in chats(24)),
    "b.jsonl": b"".join(f"{json.dumps(row)}\n".encode() for row in chats(16, start=100)),
    "c.jsonl": b"no JSON at all\n",
}
STATES = ("incoming", "queued", "running", "done", "failed", "skipped")


@dataclass(frozen=True)
class End:
    """What a drained workspace came to."""

    current: str
    """SHA-256 of the adapter of the version that `current_model` names."""
    versions: list[tuple[str, dict[str, int]]]
    """Of each version, by number: SHA-256 of its adapter, and the rows it trained, by job."""
    jobs: dict[str, list[str]]
    """Files by what became of them; numbers may have gaps, where something was tried in vain."""

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Return the end that `vars` and JSON have carried to another process."""
        versions = [(digest, rows) for digest, rows in record["versions"]]
        return cls(record["current"], versions, record["jobs"])


def drop_all(space: Workspace) -> None:
    """Drop the files in an order that the daemon keeps."""
    for number, (name, data) in enumerate(FILES.items()):
        space.drop(name, data)
        # The order of arrival is that of the times: they must differ on every volume.
        os.utime(space.layout.inbox / name, (1_700_000_000 + number, 1_700_000_000 + number))


def end_of(space: Workspace) -> End:
    """Return what a workspace came to."""
    versions = sorted(path.name for path in space.layout.versions.iterdir() if path.name[0] == "v")
    trained = {name: space.manifest(name).get("rows_by_job", {}) for name in versions}
    return End(
        space.digest(space.current()),
        [
            (space.digest(name), {_name(job): count for job, count in rows.items()})
            for name, rows in trained.items()
        ],
        {state: [_name(job) for job in space.jobs(state)] for state in STATES},
    )


def _name(job: str) -> str:
    """Return a job without its number."""
    return job.split("-", 1)[1]


def broken(space: Workspace, calm: End) -> list[str]:
    """Return what is wrong with a drained workspace; nothing where all invariants hold."""
    found = unsound(space)
    try:
        end = end_of(space)
    except (OSError, KeyError, ValueError) as error:
        return [*found, f"I4: the workspace cannot be read: {error!r}"]
    if end != calm:
        found.append(f"I2, I3: {end} instead of {calm}")
    return found


def unsound(space: Workspace) -> list[str]:
    """Return what is wrong with a drained workspace, whatever its user has asked for on the way."""
    found = [*_files(space), *_model(space), *_status(space), *_leftovers(space)]
    try:
        return [*found, *audit(space)]
    except (OSError, KeyError, ValueError) as error:
        return [*found, f"I4: the workspace cannot be read: {error!r}"]


def _files(space: Workspace) -> list[str]:
    """I1: every file is in exactly one place, byte by byte."""
    wanted = Counter(hashlib.sha256(data).hexdigest() for data in FILES.values())
    places = [
        *(path for path in space.layout.inbox.rglob("[!.]*") if path.is_file()),
        *space.layout.queue.glob("*/*/original.jsonl"),
    ]
    found = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in places)
    return [] if found == wanted else [f"I1: {sorted(map(str, places))}"]


def _model(space: Workspace) -> list[str]:
    """I4: the current version is whole, and so is every other."""
    problems = []
    for path in space.layout.versions.iterdir():
        problem = models.verify(path) if path.name[0] == "v" else None
        if problem is not None:
            problems.append(f"I4: {path.name}: {problem}")
    if not (space.layout.current_model / "manifest.json").exists():
        problems.append("I4: current_model leads nowhere")
    return problems


def _status(space: Workspace) -> list[str]:
    """I5: the status is strict JSON, its number never goes back, and nobody is said to train."""

    def refuse(word: str) -> float:
        raise ValueError(f"{word} is no JSON")

    try:
        status = json.loads(space.layout.status_file.read_bytes(), parse_constant=refuse)
    except (OSError, ValueError) as error:
        return [f"I5: {error}"]
    state = status["status"]
    return [] if state == "stopped" else [f"I5: the daemon has ended and says it is {state}"]


def _leftovers(space: Workspace) -> list[str]:
    """What a crash left half done is gone once the daemon has been through."""
    hidden = [
        str(path.relative_to(space.root))
        for path in space.root.rglob(".t*")
        if path.name.startswith((".tmp-", ".trash-"))
    ]
    return [f"left behind: {sorted(hidden)}"] if hidden else []


def calm_end(root: Path) -> End:
    """Return what the history comes to when nothing happens on the way."""
    with Workspace(root, settings=SETTINGS) as space:
        drop_all(space)
        status = space.drain()
        assert status == 0, f"exit status {status}; {space.story()}"
        return end_of(space)
