import os
import re
from pathlib import Path

from daemon.folders.disk.listings import TRUST_S, Listings
from tests.clocks import StillClock

JOB = re.compile(r"\d{6}\Z")


def test_names_are_sorted_and_foreign_changes_are_seen_at_once(tmp_path: Path) -> None:
    listings = Listings(JOB, StillClock())
    for name in ("000002", "000001", "notes.txt"):
        (tmp_path / name).touch()
    first = listings.names(tmp_path)
    assert first == ("000001", "000002")
    assert listings.names(tmp_path) is first
    (tmp_path / "000003").touch()
    # Two changes may have the same time where the system's clock is coarse.
    os.utime(tmp_path, ns=(1, 1))
    assert listings.names(tmp_path) == ("000001", "000002", "000003")


def test_what_its_owner_moves_is_noted_without_reading_the_directory_again(tmp_path: Path) -> None:
    listings = Listings(JOB, StillClock())
    (tmp_path / "000002").touch()
    assert listings.names(tmp_path) == ("000002",)
    # Were the directory read, these would be seen: they are not what is noted.
    for name in ("000004", "000005"):
        (tmp_path / name).touch()
    listings.added(tmp_path / "000001")
    listings.added(tmp_path / "000003")
    listings.added(tmp_path / "000003")
    assert listings.names(tmp_path) == ("000001", "000002", "000003")
    listings.removed(tmp_path / "000002")
    listings.removed(tmp_path / "000099")
    assert listings.names(tmp_path) == ("000001", "000003")


def test_after_a_while_a_directory_is_read_even_if_it_looks_unchanged(tmp_path: Path) -> None:
    clock = StillClock()
    listings = Listings(JOB, clock)
    assert listings.names(tmp_path) == ()
    (tmp_path / "000001").touch()
    listings.removed(tmp_path / "000002")
    assert listings.names(tmp_path) == ()
    clock.pass_s(TRUST_S)
    assert listings.names(tmp_path) == ("000001",)
