"""The kernel's count of kills for want of memory, as it was shortly before a death."""

from pathlib import Path

import pytest

from daemon.supervisor.pressure import WINDOW_S, PressureGauge, oom_counter, read_oom_kills
from tests.clocks import StillClock

VMSTAT = "nr_free_pages 5\noom_kill {}\nnr_unstable 0\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text("0::/nowhere/at/all\n")
    (tmp_path / "vmstat").write_text(VMSTAT.format(3))
    return tmp_path


def count(proc: Path, kills: int) -> None:
    (proc / "vmstat").write_text(VMSTAT.format(kills))


def test_only_kills_since_shortly_before_count(proc: Path) -> None:
    """Fault Q7."""
    clock = StillClock()
    gauge = PressureGauge(clock, proc)
    assert gauge.read().oom_kills == 0
    count(proc, 4)
    assert gauge.read().oom_kills == 1
    for _ in range(3):
        clock.pass_s(WINDOW_S)
        gauge.sample()
    assert gauge.read().oom_kills == 0


def test_a_kill_is_still_known_when_the_dying_process_was_sampled_once_more(proc: Path) -> None:
    """A large process is counted before it is gone: the next look must not forget it."""
    clock = StillClock()
    gauge = PressureGauge(clock, proc)
    clock.pass_s(10 * WINDOW_S)
    gauge.sample()
    clock.pass_s(WINDOW_S - 1)
    count(proc, 4)
    gauge.sample()
    clock.pass_s(2)
    gauge.sample()
    assert gauge.read().oom_kills == 1


def test_the_least_memory_is_remembered_after_a_death_has_given_it_back(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = iter([0.9, 0.01, 0.8, 0.8])
    monkeypatch.setattr("daemon.supervisor.pressure._available", lambda: next(shares))
    clock = StillClock()
    gauge = PressureGauge(clock, proc)
    gauge.sample()
    gauge.sample()
    assert gauge.read().least_available == 0.01


def test_without_a_group_of_its_own_all_kills_of_the_machine_are_read(proc: Path) -> None:
    assert oom_counter(proc) == proc / "vmstat"
    assert read_oom_kills(oom_counter(proc)) == 3


def test_a_system_that_counts_none_has_none(tmp_path: Path) -> None:
    assert oom_counter(tmp_path) is None
    assert read_oom_kills(None) == read_oom_kills(tmp_path / "gone") == 0
    (tmp_path / "torn").write_text("oom_kill x\n")
    assert read_oom_kills(tmp_path / "torn") == 0


def test_strict_overcommit_is_a_limit_on_address_space(proc: Path) -> None:
    gauge = PressureGauge(StillClock(), proc)
    (proc / "sys" / "vm").mkdir(parents=True)
    found = []
    for mode in ("0", "2"):
        (proc / "sys" / "vm" / "overcommit_memory").write_text(f"{mode}\n")
        found.append(gauge.read().address_limit)
    assert found == [False, True]
