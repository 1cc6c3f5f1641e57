"""Which kinds of files are taken by their names, and which belong to another one."""

from pathlib import Path

import pytest

from daemon.folders.inbox.inbox import Inbox
from daemon.layout import Layout
from daemon.layout_jobs import JobLayout
from tests.clocks import StillClock
from tests.folders.inbox.settling import names, settle


def test_other_endings_stay_and_say_what_to_do(
    inbox: Inbox, layout: Layout, clock: StillClock
) -> None:
    """No archive is ever opened (fault N17)."""
    words = {
        "rows.zip": "archive",
        "rows.txt": "plain text",
        "rows.pt": "never opened",
        "rows.xlsx": "spreadsheet",
        "rows.pdf": "document",
        "rows.html": "web page",
        "rows.arrow": "Parquet",
    }
    for name in words:
        (layout.inbox / name).write_text("a,b")
    assert settle(inbox, clock) == []
    left = {item.name: item.reason for item in inbox.scan().leftovers}
    assert left.keys() == words.keys()
    assert [name for name, word in words.items() if word not in left[name]] == []


@pytest.mark.parametrize(
    "ending",
    [
        "jsonl",
        "ndjson",
        "json",
        "csv",
        "tsv",
        "parquet",
        "jsonl.gz",
        "CSV",
        "json.zst",
        "parquet.gz",
    ],
)
def test_files_of_every_kind_are_taken_and_keep_their_ending(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path, ending: str
) -> None:
    """Only `.jsonl` was taken from the inbox."""
    (layout.inbox / f"rows.{ending}").write_bytes(b"PAR1 or anything PAR1")
    (layout.inbox / f"rows.valid.{ending}").write_bytes(b"held")
    assert settle(inbox, clock) == [f"rows.{ending}"]
    place = JobLayout(tmp_path / "job")
    place.folder.mkdir()
    inbox.claim(inbox.scan().drops[0], place)
    assert {path.name for path in place.folder.iterdir()} == {
        f"original.{ending.lower()}",
        f"holdout.original.{ending.lower()}",
    }
    assert place.original.read_bytes() == b"PAR1 or anything PAR1"


def test_a_job_of_an_older_release_has_its_original_found(tmp_path: Path) -> None:
    """Every job had `original.jsonl`."""
    (tmp_path / "original.jsonl").write_bytes(b"{}")
    (tmp_path / "holdout.original.jsonl").write_bytes(b"{}")
    place = JobLayout(tmp_path)
    assert place.original.read_bytes() == place.holdout_original.read_bytes() == b"{}"
    assert not place.exam_original.exists()


def test_train_valid_and_test_are_taken_together(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    """mlx-lm's layout: each of the three became a file to train from."""
    for name in ("test.jsonl", "valid.jsonl", "train.jsonl"):
        (layout.inbox / name).write_text(name)
    assert settle(inbox, clock) == ["train.jsonl"]
    (layout.inbox / "valid.jsonl").write_text("valid is still written")
    assert names(inbox) == []
    assert settle(inbox, clock) == ["train.jsonl"]
    place = JobLayout(tmp_path / "job")
    place.folder.mkdir()
    inbox.claim(inbox.scan().drops[0], place)
    assert place.original.read_text() == "train.jsonl"
    assert place.holdout_original.read_text() == "valid is still written"
    assert place.exam_original.read_text() == "test.jsonl"
    assert list(layout.inbox.glob("*.jsonl")) == []
    inbox.put_back(place, "train.jsonl", "normal")
    assert {path.name for path in layout.inbox.glob("*.jsonl")} == {
        "test.jsonl",
        "valid.jsonl",
        "train.jsonl",
    }


@pytest.mark.parametrize(
    "name",
    [
        "valid.jsonl",
        "test.jsonl",
        "validation.csv",
        "test-00000-of-00001.parquet",
        "x.test.jsonl",
    ],
)
def test_what_is_measured_with_is_never_trained_by_itself(
    inbox: Inbox, layout: Layout, clock: StillClock, name: str
) -> None:
    """A `test.jsonl` that came alone was trained."""
    (layout.inbox / name).write_text("{}")
    assert settle(inbox, clock) == []
    clock.pass_s(60)
    [left] = inbox.scan().leftovers
    assert left.name == name and ("--as" in left.reason or "waits for x.jsonl" in left.reason)


def test_a_hold_out_file_waits_for_its_file_and_goes_with_it(
    inbox: Inbox, layout: Layout, clock: StillClock, tmp_path: Path
) -> None:
    (layout.inbox / "a.valid.jsonl").write_text("held")
    assert settle(inbox, clock) == []
    (layout.inbox / "a.jsonl").write_text("rows")
    assert settle(inbox, clock) == ["a.jsonl"]
    place = JobLayout(tmp_path / "job")
    place.folder.mkdir()
    [drop] = inbox.scan().drops
    inbox.claim(drop, place)
    assert place.original.read_text() == "rows"
    assert place.holdout_original.read_text() == "held"
    assert list(layout.inbox.glob("*.jsonl")) == []
