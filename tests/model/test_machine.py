"""Memory there is, limits set by it, and errors that speak of it."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from daemon.core.decisions.deaths import Ending, classify
from daemon.core.training.footprint import Estimate
from daemon.model import backend, machine
from daemon.model.backend import mx

GIB = 2**30
NEED = Estimate(2 * GIB, 1, 2, 3, 3 * GIB, GIB, 0)


def test_a_machine_has_more_than_a_model_may_take_and_that_is_more_than_is_free() -> None:
    there = machine.memory()
    assert there.physical > there.usable > 0
    assert 0 < there.available <= there.physical
    if backend.on_cpu():
        # A card has memory of its own, and may have more of it than the machine.
        assert psutil.virtual_memory().total >= there.physical


def test_limits_hold_the_need_with_room_to_spare_and_never_more_than_there_is() -> None:
    roomy = machine.limits_for(NEED, machine.MachineMemory(64 * GIB, 48 * GIB, 40 * GIB))
    assert NEED.total < roomy.memory < 48 * GIB
    assert roomy.cache == 4 * GIB and roomy.wired == 0
    narrow = machine.limits_for(NEED, machine.MachineMemory(8 * GIB, 5 * GIB, 4 * GIB))
    assert narrow.memory == 5 * GIB
    assert narrow.cache == 5 * GIB - NEED.resident


def test_a_base_larger_than_the_machine_leaves_no_cache() -> None:
    limits = machine.limits_for(NEED, machine.MachineMemory(GIB, GIB, GIB), wire=True)
    assert limits == machine.MemoryLimits(GIB, 0, 0)


@pytest.mark.parametrize(
    ("physical", "recommended", "free", "own", "usable"),
    [
        # Nothing else runs: what is recommended.
        (16, 10.7, 14, 0, 10.7),
        # 24 GB of which 18 are recommended, beside others that have 10.
        (24, 18, 14, 0, 14),
        # Beside a browser: bf16 with 10.4 GiB "fitted" into 10.7, and swapped.
        (16, 10.7, 8, 0, 8),
        # What this process has is its own.
        (16, 10.7, 4, 5, 9),
        # Nearly nothing is free: what is idle is compressed.
        (16, 10.7, 1, 0, 6.4),
        # A large recommendation leaves macOS its part.
        (16, 15, 16, 0, 11),
        (8, 7, 8, 0, 4.8),
        (64, 48, 60, 0, 48),
    ],
)
def test_on_a_mac_a_model_takes_what_other_programs_leave(
    physical: float, recommended: float, free: float, own: float, usable: float
) -> None:
    """It was the recommended working set, whatever else ran."""
    numbers = (int(n * GIB) for n in (physical, recommended, free, own))
    there = machine.shared(*numbers)
    assert there.usable == pytest.approx(usable * GIB, abs=GIB / 100)
    assert there.physical == physical * GIB and there.available <= there.usable


@pytest.mark.parametrize(
    ("free", "own", "usable"), [(None, 0, 21.6), (24, 0, 21.6), (10, 0, 10), (10, 6, 16)]
)
def test_on_a_card_a_model_takes_what_other_programs_leave(
    free: int | None, own: int, usable: float
) -> None:
    """What others had on a CUDA card was not counted."""
    there = machine.of_a_card(24 * GIB, None if free is None else free * GIB, own * GIB)
    assert there.usable == pytest.approx(usable * GIB, abs=GIB / 100)


def test_without_a_need_all_there_is_for_a_model_may_be_taken() -> None:
    """A model that cannot be estimated was held to the limits of the one before it."""
    there = machine.MachineMemory(8 * GIB, 5 * GIB, 4 * GIB)
    assert machine.limits_for(None, there) == machine.MemoryLimits(5 * GIB, 5 * GIB, 0)


@pytest.mark.skipif(not backend.on_cpu(), reason="the other limits are set on a GPU")
def test_on_the_cpu_the_memory_limit_alone_is_set() -> None:
    before, cache = mx.set_memory_limit(7 * GIB), mx.set_cache_limit(GIB)
    try:
        there = machine.MachineMemory(64 * GIB, 48 * GIB, 40 * GIB)
        limits = machine.set_limits(NEED, there)
        assert mx.set_memory_limit(before) == limits.memory
        assert mx.set_cache_limit(cache) == GIB
    finally:
        mx.set_memory_limit(before)
        mx.set_cache_limit(cache)


@pytest.mark.parametrize(
    ("own", "limit", "used"),
    [("a/b", 300, 50), ("a", 500, 100), ("gone/away", None, 0), ("", None, 0)],
)
def test_the_least_limit_of_the_groups_above_counts(
    tmp_path: Path, own: str, limit: int | None, used: int
) -> None:
    root = tmp_path / "cgroup"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "memory.max").write_text("500\n")
    (root / "a" / "memory.current").write_text("100\n")
    (root / "a" / "b" / "memory.max").write_text("300\n")
    (root / "a" / "b" / "memory.current").write_text("50\n")
    (tmp_path / "groups").write_text(f"0::/{own}\n")
    assert machine._container(tmp_path / "groups", root) == (limit, used)


def test_a_group_without_a_limit_says_max(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "groups").write_text("0::/\n")
    assert machine._container(tmp_path / "groups", tmp_path) == (None, 0)


PAST_THE_LIMIT = """
import resource
from daemon.model.backend import mx
limit = 8 * 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
mx.eval(mx.zeros((2**15, 2**18)))
"""


@pytest.mark.linux("macOS does not enforce RLIMIT_AS")
@pytest.mark.skipif(not backend.on_cpu(), reason="so it is on the CPU back end only")
def test_on_the_cpu_an_allocation_past_a_limit_is_a_bad_access_without_a_word() -> None:
    """No exception and no abort: only the signal, and that there is a limit, tell."""
    argv = [sys.executable, "-c", PAST_THE_LIMIT]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGSEGV and ended.stderr == ""
    assert classify(Ending(ended.returncode, ended.stderr, address_limit=True)).kind == "memory"
    assert classify(Ending(ended.returncode, ended.stderr)).kind == "other"


def test_other_errors_are_not_of_memory() -> None:
    assert machine.is_out_of_memory(MemoryError())
    assert machine.is_out_of_memory(RuntimeError("[malloc] Unable to allocate 8 bytes."))
    assert not machine.is_out_of_memory(ValueError("shapes (3,4) and (5,6)"))
    assert machine.is_device_lost(RuntimeError("cudaFoo failed: unspecified launch failure"))


def test_the_watchdog_variable_is_set_on_a_mac_before_mlx_is_loaded() -> None:
    source = Path(backend.__file__).read_text(encoding="utf-8")
    assert source.index(backend.WATCHDOG_VARIABLE) < source.index("import mlx.core")
