"""Work on a Mac's GPU and its display; whether one is on stands there as a function."""

from pathlib import Path

import pytest

from daemon.core import messages as say
from daemon.core.messages import Report
from daemon.folders.models import machine
from daemon.layout import Layout
from daemon.training.machine.display import (
    KEY,
    LEAST_OPS,
    OPS,
    POLL_EVERY_S,
    DisplayRest,
    limit_metal_ops,
    note_watchdog,
)
from tests.clocks import StillClock
from tests.training.workspace import ScriptedPipe, silent

ENDED = RuntimeError(
    "[METAL] Command buffer execution failed: Impacting Interactivity (0000000e:"
    "kIOGPUCommandBufferCallbackErrorImpactingInteractivity)"
)


def after_a_pass(rest: DisplayRest, clock: StillClock, pass_s: float) -> float:
    rest.begin()
    clock.pass_s(pass_s)
    return rest.rest_s()


def test_a_share_of_the_time_is_left_to_a_display_that_is_on() -> None:
    """The variable alone did not save a Mac whose display was on: it restarted."""
    clock = StillClock()
    rest = DisplayRest(0.05, clock, lambda: True)
    assert after_a_pass(rest, clock, 1.9) == pytest.approx(0.1)
    assert after_a_pass(rest, clock, 600.0) == 1.0


@pytest.mark.parametrize("on", [False, None])
def test_where_none_is_on_or_that_is_not_told_nothing_is_rested(on: bool | None) -> None:
    clock = StillClock()
    assert after_a_pass(DisplayRest(0.05, clock, lambda: on), clock, 2.0) == 0.0


def test_the_display_is_looked_at_every_few_seconds_and_never_where_no_rest_is_wanted() -> None:
    clock, looked = StillClock(), [0]

    def look() -> bool:
        looked[0] += 1
        return looked[0] > 1

    rest = DisplayRest(0.5, clock, look)
    assert after_a_pass(rest, clock, POLL_EVERY_S / 4) == 0.0
    assert after_a_pass(rest, clock, POLL_EVERY_S / 4) == 0.0 and looked == [1]
    assert after_a_pass(rest, clock, POLL_EVERY_S) > 0.0 and looked == [2]
    assert after_a_pass(DisplayRest(0.0, clock, look), clock, 1.0) == 0.0 and looked == [2]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "models").mkdir()
    return Layout(tmp_path)


def alerts(pipe: ScriptedPipe) -> list[Report]:
    return [report for report in pipe.sent if isinstance(report, say.Alerted)]


def test_after_the_watchdog_the_next_trainer_hands_over_half_and_says_so(layout: Layout) -> None:
    """It went on as before, and was ended again."""
    pipe, environment = ScriptedPipe((), silent), dict[str, str]()
    expected = [20, 10, LEAST_OPS, LEAST_OPS]
    for ops in expected:
        note_watchdog(layout, environment, ENDED, pipe)
        environment = {}
        limit_metal_ops(layout, environment)
        assert environment == {OPS: str(ops)}
    [*_, last] = alerts(pipe)
    assert isinstance(last, say.Alerted) and OPS in last.message and len(alerts(pipe)) == 4


def test_another_error_changes_nothing_and_a_users_own_value_stays(layout: Layout) -> None:
    pipe = ScriptedPipe((), silent)
    note_watchdog(layout, {}, RuntimeError("[metal::malloc] out of memory"), pipe)
    assert not pipe.sent and machine.read_worked(layout, *KEY) == ({}, None)
    note_watchdog(layout, {}, ENDED, pipe)
    environment = {OPS: "7"}
    limit_metal_ops(layout, environment)
    assert environment == {OPS: "7"}
