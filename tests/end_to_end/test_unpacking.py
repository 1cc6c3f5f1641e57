"""kill -9 in the middle of unpacking a file that is large when it is unpacked."""

import gzip
import json
from pathlib import Path

import pytest

from daemon import failpoints
from tests.end_to_end.workspace import Workspace, chats
from tests.reliability.faults import asked

SETTINGS = (
    "[inbox]\nsettle_s = 0.1\n[intake]\npictures = false\nmax_unpacked_ratio = 2000\n"
    "[evaluation]\neval_every = 0\n"
)
MIB = 2**20
ROWS = b"".join(json.dumps(row).encode() + b"\n" + b" " * (2 * MIB) + b"\n" for row in chats(40))
"""80 MiB of text: five times as much as is written between two looks at the volume."""
FILE = gzip.compress(ROWS, 1)
PLACES = ("unpack.piece:1", "unpack.piece:4", "unpack.written:1", "replacing.written:1")
"""While the copy is written, when it is, and when its rows are."""
WRITTEN = ("train.jsonl", "holdout.jsonl", "rejected.jsonl", "families.npy")


def taken(space: Workspace) -> tuple[list[str], list[bytes]]:
    """Return the names in a job's directory, and what was written of its rows."""
    folder = space.layout.job("done", space.jobs("done")[0]).folder
    names = sorted(path.name for path in folder.iterdir())
    return names, [(folder / name).read_bytes() for name in WRITTEN]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[bytes]]:
    with Workspace(tmp_path_factory.mktemp("calm") / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl.gz", FILE)
        assert space.drain() == 0
        return taken(space)


@pytest.mark.parametrize("place", PLACES)
def test_the_copy_that_a_kill_leaves_is_made_again_and_nothing_stays_of_it(
    undisturbed: tuple[list[str], list[bytes]], tmp_path: Path, place: str
) -> None:
    """The rows that were being gathered stayed in the job under a name that nothing cleared."""
    fault = {
        failpoints.POINT: f"intake:{place}:KILL",
        failpoints.FIRED: str(tmp_path / "fired"),
    }
    with asked(fault), Workspace(tmp_path / "w", settings=SETTINGS) as space:
        space.drop("a.jsonl.gz", FILE)
        assert space.drain() == 0, space.story()
        assert (tmp_path / "fired").exists()
        assert taken(space) == undisturbed
        assert not any(name.startswith(".tmp-") for name in taken(space)[0])
