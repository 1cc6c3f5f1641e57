"""The ledger: what is damaged is set aside, never overwritten (faults Q2, D15)."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.core.status.ledger_rows import LedgerRow, promotion_row
from daemon.errors import DaemonFault
from daemon.folders.queue import ledger
from daemon.folders.queue.ledger import Ledger
from daemon.layout import Layout

COMMAND = LedgerRow(
    "commands", {"at": "1", "word": "skip", "content": "", "answer": "done", "message": "skipped"}
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.queue.mkdir()
    return made


def filled(layout: Layout, rows: int = 400) -> None:
    """Write a ledger of several pages."""
    book = Ledger(layout)
    assert book.open("first") is None
    for number in range(rows):
        book.put(promotion_row(f"{number}", f"v{number:06d}", None, "a reason " * 9))
    book.put(COMMAND)
    book.close()
    assert book.problem is None


def listed(path: Path, table: str = "promotions") -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"select * from {table}").fetchall()


def garble(path: Path) -> None:
    path.write_bytes(b"no database, but long enough to be taken for one\n" * 99)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 4096 * 3 + 100])


def become_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "mine.txt").write_text("kept")


DAMAGES = [garble, empty, cut, become_a_directory]


def held(path: Path) -> object:
    """Return what lies at a path, to compare."""
    if path.is_dir():
        return {entry.name: entry.read_bytes() for entry in path.iterdir()}
    return path.read_bytes()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_ledger_is_set_aside_as_it_was_and_a_new_one_works(
    layout: Layout, damage: Callable[[Path], None]
) -> None:
    """Q2: garbage, no bytes, cut off, a directory."""
    filled(layout)
    damage(layout.ledger)
    before = held(layout.ledger)
    book = Ledger(layout)
    told = book.open("20260101T000000")
    assert told is not None and told.startswith("ledger.sqlite3.corrupt-20260101T000000 (")
    assert held(layout.queue / "ledger.sqlite3.corrupt-20260101T000000") == before
    book.put(COMMAND)
    book.close()
    assert book.problem is None
    assert len(listed(layout.ledger, "commands")) == 1


def test_what_was_set_aside_before_is_never_overwritten(layout: Layout) -> None:
    """Q2: two damages in one second have two names."""
    for text in ("one", "two"):
        layout.ledger.write_text(text)
        book = Ledger(layout)
        book.open("now")
        book.close()
    kept = [(layout.queue / f"ledger.sqlite3.corrupt-now{end}").read_text() for end in ("", "-2")]
    assert kept == ["one", "two"]


def test_a_whole_ledger_that_is_locked_stays_where_it_is(layout: Layout) -> None:
    """Q2: busy is not damaged."""
    filled(layout, rows=3)
    with closing(sqlite3.connect(layout.ledger)) as other:
        other.execute("pragma journal_mode = delete")
        other.execute("begin exclusive")
        book = Ledger(layout)
        assert book.open("now") is None
        assert book.problem is not None and "locked" in book.problem
        book.put(COMMAND)
        assert "locked" in book.problem
    assert not list(layout.queue.glob("*corrupt*"))
    assert len(listed(layout.ledger)) == 3


def test_a_ledger_of_a_newer_version_is_refused_and_not_touched(layout: Layout) -> None:
    """D15: one sentence, from the daemon and from a rebuild alike."""
    filled(layout, rows=3)
    with closing(sqlite3.connect(layout.ledger)) as connection:
        connection.execute("pragma journal_mode = delete")
        connection.execute("pragma user_version = 2")
    before = layout.ledger.read_bytes()
    for refusing in (lambda: Ledger(layout).open("now"), lambda: ledger.rows_only_here(layout)):
        with pytest.raises(DaemonFault, match=r"newer finetuned \(schema 2, this one reads 1\)"):
            refusing()
    assert layout.ledger.read_bytes() == before
    assert [path.name for path in layout.queue.iterdir()] == ["ledger.sqlite3"]


def test_a_job_that_went_back_to_the_inbox_has_no_row(layout: Layout) -> None:
    book = Ledger(layout)
    book.open("now")
    for job in ("000001-a", "000002-b"):
        book.put(LedgerRow("jobs", {"job": job, "name": "a.jsonl"}))
    book.forget_job("000001-a")
    book.close()
    assert [row[0] for row in listed(layout.ledger, "jobs")] == ["000002-b"]


def test_a_new_ledger_takes_the_place_of_the_old_one_which_stays(layout: Layout) -> None:
    filled(layout, rows=2)
    before = layout.ledger.read_bytes()
    for name in ("replaced-now", "replaced-now-2"):
        aside = ledger.replace(layout, [COMMAND], "now")
        assert aside == layout.queue / f"ledger.sqlite3.{name}"
    assert (layout.queue / "ledger.sqlite3.replaced-now").read_bytes() == before
    assert listed(layout.ledger) == []
    assert [row[1] for row in listed(layout.ledger, "commands")] == ["skip"]


def test_what_an_unclean_end_left_beside_the_old_ledger_goes_with_it(layout: Layout) -> None:
    """Q2: the rows of a killed daemon lie in `-wal`; a new file must not take them for its own."""
    filled(layout, rows=1)
    wal = layout.ledger.with_name("ledger.sqlite3-wal")
    book = Ledger(layout)
    book.open("now")
    book.put(promotion_row("late", "v1", None, "only in the log"))
    killed = {path.name: path.read_bytes() for path in (layout.ledger, wal)}
    book.close()
    for name, data in killed.items():
        (layout.queue / name).write_bytes(data)
    aside = ledger.replace(layout, [], "now")
    assert aside is not None
    assert not wal.exists()
    assert listed(layout.ledger) == []
    assert [row[0] for row in listed(aside)] == ["0", "late"]


def test_a_rebuild_that_cannot_write_leaves_the_old_ledger(layout: Layout) -> None:
    filled(layout, rows=2)
    before = layout.ledger.read_bytes()
    with pytest.raises(sqlite3.OperationalError):
        ledger.replace(layout, [COMMAND, LedgerRow("no_such_table", {"a": 1})], "now")
    assert {path.name: path.read_bytes() for path in layout.queue.iterdir()} == {
        "ledger.sqlite3": before
    }


def test_rows_that_lie_nowhere_else_are_read_as_far_as_they_can_be(layout: Layout) -> None:
    assert ledger.rows_only_here(layout) == ([], "there was no ledger")
    filled(layout, rows=2)
    rows, why = ledger.rows_only_here(layout)
    assert why is None
    assert [row.table for row in rows] == ["promotions", "promotions", "commands"]
    assert rows[-1] == COMMAND
    garble(layout.ledger)
    rows, why = ledger.rows_only_here(layout)
    assert rows == []
    assert why is not None and "cannot be read" in why
