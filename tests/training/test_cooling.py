"""When a machine rests between steps; outputs of `pmset` as they were recorded."""

from pathlib import Path

import pytest

from daemon.settings import TrainerSettings
from daemon.training.cooling import (
    LONGEST_REST_S,
    LOOK_EVERY_S,
    CoolDown,
    Cooler,
    Look,
    Rest,
    Strain,
    count_throttles,
    reason_to_rest,
    rest_s,
    throttled_by_pmset,
)
from tests.clocks import StillClock

QUIET_APPLE = """Note: No thermal warning level has been recorded
Note: No performance warning level has been recorded
Note: No CPU power status has been recorded
"""
QUIET_INTEL = """Note: No thermal warning level has been recorded
Note: No performance warning level has been recorded
2026-07-30 19:55:11 +0200 CPU Power notify
\tCPU_Scheduler_Limit \t= 100
\tCPU_Available_CPUs \t= 8
\tCPU_Speed_Limit \t= 100
"""
HOT_INTEL = QUIET_INTEL.replace("CPU_Speed_Limit \t= 100", "CPU_Speed_Limit \t= 62")
HOT_LEVEL = "Thermal Warning Level = 1\nNote: No performance warning level has been recorded\n"
COOL_LEVEL = "Thermal Warning Level = 0\n"


@pytest.mark.parametrize(
    ("text", "throttled"),
    [
        (QUIET_APPLE, False), (QUIET_INTEL, False), (COOL_LEVEL, False),
        (HOT_INTEL, True), (HOT_LEVEL, True), ("", None), ("pmset: not permitted\n", None),
    ],
)  # fmt: skip
def test_pmset_tells_whether_heat_slows_a_mac(text: str, throttled: bool | None) -> None:
    assert throttled_by_pmset(text) is throttled


@pytest.mark.parametrize(
    ("strain", "never", "laptop", "always"),
    [
        (Strain(False, False), None, None, None),
        (Strain(True, False), None, "throttled", "throttled"),
        (Strain(False, True), None, "battery", "battery"),
        (Strain(None, True), None, "battery", "battery"),
        (Strain(True, None), None, None, "throttled"),
        (Strain(None, None), None, None, None),
    ],
)
def test_a_desktop_rests_only_when_it_was_asked_to(
    strain: Strain, never: str | None, laptop: str | None, always: str | None
) -> None:
    modes: tuple[CoolDown, ...] = ("never", "laptop", "always")
    assert tuple(reason_to_rest(strain, mode) for mode in modes) == (never, laptop, always)


def test_a_rest_is_its_share_of_the_time_and_never_long() -> None:
    assert rest_s(2.0, 0.5) == pytest.approx(2.0)
    assert rest_s(2.0, 0.75) == pytest.approx(6.0)
    assert rest_s(1e6, 0.9) == LONGEST_REST_S


def test_the_beginning_and_the_end_of_resting_are_told_once_each() -> None:
    clock, strain = StillClock(), [Strain(False, False)]
    cooler = Cooler(TrainerSettings(), clock, lambda: strain[0])
    assert cooler.after_step(1.0) == Rest(0.0)
    strain[0] = Strain(True, False)
    assert cooler.after_step(1.0) == Rest(0.0), "the next look comes later"
    clock.pass_s(LOOK_EVERY_S)
    begun = cooler.after_step(1.0)
    assert begun.seconds == 1.0 and begun.event is not None and "hot" in begun.event
    assert cooler.after_step(1.0) == Rest(1.0)
    strain[0] = Strain(False, False)
    clock.pass_s(LOOK_EVERY_S)
    ended = cooler.after_step(1.0)
    assert ended.seconds == 0.0 and ended.event is not None
    assert cooler.after_step(1.0) == Rest(0.0)


def test_a_user_who_wants_no_rest_costs_not_even_a_look() -> None:
    def look() -> Strain:
        raise AssertionError("looked")

    cooler = Cooler(TrainerSettings(cool_down="never"), StillClock(), look)
    assert cooler.after_step(9.0) == Rest(0.0)


def test_on_linux_throttled_means_that_the_counters_have_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    folder = tmp_path / "cpu0" / "thermal_throttle"
    folder.mkdir(parents=True)
    count = folder / "package_throttle_count"
    count.write_text("17\n")
    (folder / "core_throttle_count").write_text("3\n")
    assert count_throttles(tmp_path) == 20
    look = Look(tmp_path)
    assert look().throttled is False, "what was counted before is long past"
    count.write_text("18\n")
    assert look().throttled is True
    assert look().throttled is False


def test_a_machine_that_counts_nothing_is_not_called_hot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert Look(tmp_path)().throttled is None
