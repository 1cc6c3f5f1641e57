"""The trainer dies at every step on the disk of an order; the repeat comes to the same end."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.core import messages as say
from daemon.core.evaluation.evaluations import EvaluationRequest, Questions, Subject
from daemon.core.messages import Order, Report
from daemon.core.records import to_json_value
from daemon.core.workspace.orders import EVALUATION, Header
from daemon.evaluation.writing import ExpectedWriting
from daemon.folders.orders import evaluations, orders
from daemon.settings import Settings
from daemon.training.engine.stub import RehearsalEngine
from tests.core.suite_samples import suite
from tests.kill import Killed, killed_at
from tests.orders import result_of
from tests.training.orders.test_audit import order as order_audit
from tests.training.orders.test_audit import workspace as audited
from tests.training.workspace import SETTINGS, Workspace, make_workspace

__all__ = ["audited"]
TIMES = ("ended_at", "seconds", "tokens_per_s", "peak_bytes", "remembered", "generated", "tokens")
"""What differs from one time to the next: clocks, and what was remembered of before a death."""


@pytest.fixture(autouse=True)
def _nothing_waits_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies loses nothing it has written: only a power cut would."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def again(report: Report) -> Sequence[Order]:
    return [say.CarryOut(report.order)] if isinstance(report, say.UnitEnded) else ()


def timeless(value: Any) -> Any:
    """Return JSON values without what no two times have in common."""
    if isinstance(value, dict):
        return {key: timeless(item) for key, item in value.items() if key not in TIMES}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def end_of(workspace: Workspace, order: str) -> tuple[Any, ...]:
    """Return the reports and the result of an order."""
    folder = workspace.layout.order(order).folder
    result = result_of(workspace.layout.order(order))
    report = json.loads((folder / "report.json").read_bytes())
    left = sorted(path.name for path in folder.rglob("*") if path.name.startswith(".t"))
    assert not left
    return timeless(result), timeless(report), (folder / "details.jsonl").read_bytes()


def die_everywhere(root: Path, workspace: Workspace, order: str, serve: Callable[..., Any]) -> int:
    """Die at each step in turn, each time in a copy, and compare the ends; return how many."""
    calm = root / "calm"
    shutil.copytree(workspace.layout.root, calm, symlinks=True)
    serve(workspace, order)
    wanted = end_of(workspace, order)
    for step in count():
        shutil.rmtree(workspace.layout.root)
        shutil.copytree(calm, workspace.layout.root, symlinks=True)
        with killed_at(step) as passed, suppress(Killed):
            serve(workspace, order)
        if len(passed) <= step:
            return step
        serve(workspace, order)
        assert end_of(workspace, order) == wanted, f"after a death at step {step}, {passed[-1]}"
    raise AssertionError("the steps have no end")


def test_an_evaluation_outlives_a_death_at_every_step_on_the_disk(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "w", RehearsalEngine(SystemClock(), 0.0))
    request = EvaluationRequest(
        "e000001",
        "2030-01-01T00:00:00+00:00",
        "title",
        Settings.model_validate(SETTINGS).model_dump(mode="json"),
        to_json_value(workspace.facts),
        (Subject("base", "base"),),
        None,
    )
    asked = [Questions(suite(name, "a", "b"), of=2) for name in ("lakes", "seas")]
    order = orders.create(
        workspace.layout,
        EVALUATION,
        Header("", request.created_at, request.title),
        lambda built, _: evaluations.fill(built, request, asked, {}, ExpectedWriting()),
    )

    def serve(workspace: Workspace, order: str) -> None:
        engine = RehearsalEngine(SystemClock(), 0.0)
        workspace.serve(engine, say.CarryOut(order), react=again)

    assert die_everywhere(tmp_path, workspace, order, serve) > 20


def test_an_audit_outlives_a_death_at_every_step_on_the_disk(
    audited: Workspace, tmp_path: Path
) -> None:
    def serve(workspace: Workspace, order: str) -> None:
        workspace.serve(RehearsalEngine(SystemClock(), 0.0), say.CarryOut(order))

    assert die_everywhere(tmp_path, audited, order_audit(audited), serve) > 10
