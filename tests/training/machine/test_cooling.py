"""When a machine rests between steps."""

from pathlib import Path

import pytest

from daemon.settings import TrainerSettings
from daemon.system.heat import Heat
from daemon.training.machine.cooling import (
    LONGEST_REST_S,
    POLL_EVERY_S,
    CoolDown,
    Cooler,
    Rest,
    Strain,
    StrainReader,
    count_throttles,
    reason_to_rest,
    rest_s,
)
from tests.clocks import StillClock


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
    clock.pass_s(POLL_EVERY_S)
    begun = cooler.after_step(1.0)
    assert begun.seconds == 1.0 and begun.event is not None and "hot" in begun.event
    assert cooler.after_step(1.0) == Rest(1.0)
    strain[0] = Strain(False, False)
    clock.pass_s(POLL_EVERY_S)
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
    look = StrainReader(tmp_path)
    assert look().throttled is False, "what was counted before is long past"
    count.write_text("18\n")
    assert look().throttled is True
    assert look().throttled is False


def test_a_machine_that_counts_nothing_is_not_called_hot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert StrainReader(tmp_path)().throttled is None


@pytest.mark.parametrize(
    ("heat", "throttled"),
    [(Heat(0), False), (Heat(1), False), (Heat(2), True), (Heat(None, "not told"), None)],
)
def test_a_mac_is_as_hot_as_it_says_itself(
    tmp_path: Path, heat: Heat, throttled: bool | None
) -> None:
    """`pmset -g therm` says "No thermal warning level" on Apple silicon always: read as not hot."""
    found = StrainReader(tmp_path, lambda: heat)()
    assert found.throttled is throttled and found.blind == heat.reason


def test_heat_that_cannot_be_read_is_told_once() -> None:
    """It was silently taken for "not hot", so `cool_down` never acted."""
    clock = StillClock()
    blind = Strain(None, None, "macOS does not tell")
    cooler = Cooler(TrainerSettings(cool_down="always"), clock, lambda: blind)
    first = cooler.after_step(1.0)
    assert first.seconds == 0.0 and first.event is not None and "does not tell" in first.event
    clock.pass_s(POLL_EVERY_S)
    assert cooler.after_step(1.0) == Rest(0.0)


def test_a_step_of_a_minute_rests_as_large_a_share_as_a_short_one() -> None:
    """A rest ended after 30 s: after a step of 56 s that was 35 % of the time, not half."""
    assert rest_s(56.0, 0.5) == 56.0 and rest_s(1.0, 0.5) == 1.0
    assert rest_s(3000.0, 0.5) == LONGEST_REST_S
