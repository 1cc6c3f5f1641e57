"""Makes a golden workspace: a rehearsal with jobs in every kind of state, packed small.

Run `python -m tests.compatibility.make_golden RELEASE` once for each release, from its own
checkout, and keep the file for ever. Knows how a workspace is used, not what lies in it.
"""

import gzip
import io
import sys
import tarfile
import tempfile
from pathlib import Path

from daemon.folders.settings_file import render
from daemon.settings import Settings
from tests.end_to_end.workspace import Workspace, chats

GOLDEN = Path(__file__).parent / "golden"
KEPT = ("current_model", "finetuned.toml", "models", "queue", "status")
LEFT_OUT = (".lock", ".reserve", "events.jsonl")
"""Of a process, or naming the folder in which it ran."""
LARGEST_BYTES = 200_000
SETTINGS = {
    "inbox": {"settle_s": 0.1},
    "checkpoint": {"steps": 20},
    "intake": {"pictures": False},
    "retention": {"backups": 1},
    "run": {"gather_rows": 1},
}
LONG = SETTINGS | {"training": {"epochs": 60}}


def main() -> None:
    """Make the file of a release."""
    target = GOLDEN / f"{sys.argv[1]}.tar.gz"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        live(root)
        packed = pack(root)
    if folder.encode() in gzip.decompress(packed):
        raise SystemExit(f"the workspace tells where it lay ({folder}); nothing was written")
    if len(packed) > LARGEST_BYTES:
        raise SystemExit(f"{len(packed)} bytes are more than {LARGEST_BYTES}; nothing was written")
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(packed)


def live(root: Path) -> None:
    """Leave a workspace with trained, refused, skipped and waiting jobs and a run half done."""
    text, long = (render(Settings.model_validate(chosen)) for chosen in (SETTINGS, LONG))
    with Workspace(root, settings=text, whole=True) as space:
        space.drop("first.jsonl", chats(30))
        space.drop("refused.jsonl", ["no json", "neither"])
        _drain(space)
        space.drop("second.jsonl", chats(30, start=100))
        _drain(space)
        space.layout.settings_file.write_text(long)
        space.drop("skipped.jsonl", chats(30, start=200))
        space.start()
        _trains(space, "r000003")
        space.touch("skip")
        space.wait("a skipped job", lambda: space.jobs("skipped"))
        space.touch("rollback", "v000001")
        space.wait("the link", lambda: space.current() == "v000001")
        space.drop("half.jsonl", chats(60, start=300))
        _trains(space, "r000004")
        space.drop("waiting.jsonl", chats(30, start=400))
        space.wait("a waiting job", lambda: space.jobs("normal"))
        space.touch("stop")
        if space.wait_for_exit() != 0 or not space.jobs("running"):
            raise SystemExit(f"the run did not stay half done; {space.story()}")
        space.layout.settings_file.write_text(text)


def _drain(space: Workspace) -> None:
    if space.drain() != 0:
        raise SystemExit(space.story())


def _trains(space: Workspace, run: str) -> None:
    space.wait("steps", lambda: any(line["run"] == run for line in space.metrics()))


def pack(root: Path) -> bytes:
    """Return what is kept of a workspace: equal bytes for equal files, whoever packs them when."""
    bare = io.BytesIO()
    with tarfile.open(fileobj=bare, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for top in KEPT:
            archive.add(root / top, top, filter=_plain)
    return gzip.compress(bare.getvalue(), compresslevel=9, mtime=0)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Return an entry without its owner and time; `archive.add` sorts names by itself."""
    if entry.name.rsplit("/", 1)[-1] in LEFT_OUT:
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


if __name__ == "__main__":
    main()
