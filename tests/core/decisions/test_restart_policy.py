"""When a warm trainer gives way to a fresh one."""

from dataclasses import replace

from daemon.core.decisions.restart_policy import ProcessAge, RestartBounds, should_restart

GIB = 2**30
BOUNDS = RestartBounds(traces=100, growth=2.0, runs=50)
YOUNG = ProcessAge(traces=8, footprint_bytes=GIB, first_bytes=GIB, runs=3)


def test_a_young_trainer_goes_on() -> None:
    assert should_restart(YOUNG, BOUNDS) is None


def test_each_bound_ends_it_with_its_own_reason() -> None:
    assert "100 shapes" in (should_restart(replace(YOUNG, traces=100), BOUNDS) or "")
    assert "50 runs" in (should_restart(replace(YOUNG, runs=50), BOUNDS) or "")
    grown = should_restart(replace(YOUNG, footprint_bytes=2 * GIB + 1), BOUNDS)
    assert grown is not None and "1.0 to 2.0 GiB" in grown


def test_a_bound_of_nothing_is_off() -> None:
    old = ProcessAge(10**6, 100 * GIB, GIB, 10**6)
    assert should_restart(old, RestartBounds(0, 0.0, 0)) is None


def test_growth_is_not_judged_before_the_first_run_has_ended() -> None:
    assert (
        should_restart(replace(YOUNG, first_bytes=None, footprint_bytes=99 * GIB), BOUNDS) is None
    )


def test_the_caches_of_a_small_model_are_no_growth() -> None:
    assert should_restart(ProcessAge(1, 250 * 2**20, 10 * 2**20, 1), BOUNDS) is None
