"""Several things computed at once."""

import subprocess
import sys
import threading
from typing import Any

import pytest

from daemon.model import blas
from daemon.model.backend import AS_VARIABLE, mx, on_cpu
from daemon.model.parallel import ParallelPasses
from tests.model.free_cores import Free

pytestmark = pytest.mark.skipif(not on_cpu(), reason="a GPU has one lane")


@pytest.fixture(autouse=True)
def threads() -> Any:
    before = blas.threads()
    yield
    if before is not None:
        blas.set_threads(before)


def test_what_is_found_comes_in_the_order_of_the_items() -> None:
    def work(item: int) -> int:
        threading.Event().wait(0.02 * (item % 3 == 0))
        return int(mx.array(item).item().real) ** 2

    assert list(ParallelPasses(3, Free(3)).each(work, range(20))) == [n * n for n in range(20)]


@pytest.mark.parametrize(("free", "most", "expected"), [(4, None, 3), (2, None, 2), (4, 2, 2)])
def test_no_more_are_at_work_at_once_than_may_be(
    free: int, most: int | None, expected: int
) -> None:
    lock, seen, now = threading.Lock(), [0], [0]

    def work(_: int) -> None:
        with lock:
            now[0] += 1
            seen[0] = max(seen[0], now[0])
        threading.Event().wait(0.03)
        with lock:
            now[0] -= 1

    cores = Free(4)
    parallel = ParallelPasses(3, cores)
    list(parallel.each(work, range(8)))
    assert seen == [3]
    seen[0] = 0
    cores.count = free
    list(parallel.each(work, range(8), most))
    assert seen == [expected]


@pytest.mark.skipif(blas.threads() is None, reason="products take no threads of OpenBLAS here")
def test_a_cpu_that_computes_as_a_gpu_leaves_busy_cores_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its products took all cores, each waiting for the busiest: a step took up to eight times."""
    monkeypatch.setenv(AS_VARIABLE, "gpu")
    blas.set_threads(2)
    assert ParallelPasses(cores=Free(1)).share(1) == 1
    assert blas.threads() == 1


def test_one_lane_is_the_thread_that_asks() -> None:
    def name(_: int) -> int:
        return threading.get_ident()

    assert set(ParallelPasses(3, Free(3)).each(name, range(3), most=1)) == {threading.get_ident()}
    assert set(ParallelPasses(3, Free(3)).each(name, range(1))) == {threading.get_ident()}
    assert threading.get_ident() not in set(ParallelPasses(3, Free(3)).each(name, range(3)))


def test_an_error_comes_out_once_nothing_is_at_work_any_more() -> None:
    ended = []

    def work(item: int) -> None:
        if item == 0:
            raise MemoryError("no room")
        threading.Event().wait(0.1)
        ended.append(item)

    parallel = ParallelPasses(2, Free(2))
    with pytest.raises(MemoryError, match="no room"):
        list(parallel.each(work, range(6)))
    count = len(ended)
    threading.Event().wait(0.3)
    assert len(ended) == count
    assert list(parallel.each(lambda item: item, [1, 2, 3])) == [1, 2, 3]


@pytest.mark.skipif(blas.threads() is None, reason="no OpenBLAS here")
def test_parallel_passes_share_the_cores() -> None:
    parallel = ParallelPasses(4, Free(8))
    assert parallel.share(2) == 2 and blas.threads() == 4
    assert parallel.share(9) == 4 and blas.threads() == 2
    assert ParallelPasses(4, Free(1)).share(3) == 1 and blas.threads() == 1


def test_a_process_that_computed_in_parallel_ends_well() -> None:
    """MLX ends it by a signal where a thread that computed outlives Python's own end."""
    script = (
        "import threading\n"
        "from daemon.model.backend import mx\n"
        "from daemon.model.parallel import ParallelPasses\n"
        "from tests.model.free_cores import Free\n"
        "threads = ParallelPasses(2, Free(2))\n"
        "list(threads.each(lambda n: mx.eval(mx.ones((64, 64)) @ mx.ones((64, 64))), range(8)))\n"
        "threading.Event().wait(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
