"""An evaluation beside a living daemon: through deaths, and told in status and ledger."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.app import rebuild_ledger
from daemon.folders.orders import evaluations
from tests.cli.conftest import Command
from tests.end_to_end.workspace import Workspace
from tests.orders import result_of

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(tmp_path / "workspace", whole=True) as workspace:
        workspace.start()
        workspace.wait("the first version", lambda: workspace.layout.current_model.exists())
        yield workspace


def scores(workspace: Workspace, columns: str = "suite, subject, items") -> list[Any]:
    with closing(sqlite3.connect(workspace.layout.ledger)) as ledger:
        return ledger.execute(f"select {columns} from scores order by suite").fetchall()


def result(workspace: Workspace) -> Any:
    return result_of(workspace.layout.order("e000001"))


def test_it_is_done_beside_a_daemon_and_remembered_in_the_ledger(
    living: Workspace, finetuned: Command
) -> None:
    words = ("evaluate", "--suite", "general_100", "--suite", "records_100", "--limit", "7")
    done = finetuned(*words, "--wait", "--root", living.root)
    assert done.exit_code == 0, done.output
    assert "every model answered every suite" in done.stdout
    living.wait("the word of its end", lambda: living.told("order_ended"))
    assert [event["piece"] for event in living.told("piece_ended")] == [1, 2]
    assert scores(living) == [("general_100", "v000000", 7), ("records_100", "v000000", 7)]
    living.touch("stop")
    assert living.wait_for_exit() == 0
    before = scores(living, "*")
    living.layout.ledger.unlink()
    rebuild_ledger(living.root)
    assert scores(living, "*") == before


def test_it_outlives_deaths_and_a_skip_ends_it_with_what_it_has(
    living: Workspace, finetuned: Command
) -> None:
    living.touch("pause")
    living.wait("the pause", lambda: living.status().get("status") == "paused")
    finetuned("compare", "base", "current_model", "--limit", "3", "--root", living.root)
    living.kill()
    living.start()
    # What lies in control/ before it has begun would be about another time.
    living.wait_for_number("paused", 2)
    assert result(living) is None
    living.touch("skip")
    living.wait("the end", lambda: living.told("order_ended"))
    found = result(living)
    assert found is not None and found["outcome"] == "skipped"
    assert evaluations.read_report(living.layout.evaluation("e000001"))["tests"] == []
