"""The supervisor dies in the middle of an audit's rollback; the repeat comes to the same end."""

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon import failpoints
from daemon.layout import Layout
from tests.cli.commands.test_audit import SETTINGS, spoil
from tests.end_to_end.workspace import Workspace
from tests.reliability.faults import asked

pytestmark = pytest.mark.end_to_end


def rollbacks(layout: Layout) -> int:
    """Return how often the ledger knows of the rollback."""
    with closing(sqlite3.connect(layout.ledger)) as ledger:
        words = "select count(*) from promotions where why like 'a000001%'"
        return int(ledger.execute(words).fetchone()[0])


def test_a_rollback_outlives_a_death_before_and_after_link_ledger_and_mark(
    trained: Path, tmp_path: Path
) -> None:
    """The link moves once, and the alert stands.

    The ledger is people's memory and written after the link: a death between the two costs it the
    one row, never adds one.
    """
    worse, fired = spoil(trained, tmp_path / "w", by=2.0), tmp_path / "fired"
    for point, moved, rows in (
        ("link.made", "v000002", None),
        ("link.renamed", "v000001", None),
        ("", "v000001", 0),
    ):
        variables = {failpoints.FIRED: str(fired)}
        variables |= {failpoints.POINT: f"supervisor:{point}:1:KILL"} if point else {}
        fired.unlink(missing_ok=True)
        with (
            asked(variables),
            Workspace(worse.root, settings=SETTINGS.format(every=1)) as workspace,
        ):
            status = workspace.drain()
            assert status == (-signal.SIGKILL if point else 0), workspace.story()
            assert workspace.current() == moved
            assert worse.audit("a000001").settled.exists() == (not point)
            assert rows is None or rollbacks(worse) == rows
    document = json.loads(worse.status_file.read_bytes())
    assert [alert["code"] for alert in document["active_alerts"]] == ["rolled_back"]
    assert not worse.audit("a000002").folder.exists()
