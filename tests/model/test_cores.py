"""Threads for products, by what other processes leave free."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from daemon.model import blas
from daemon.model.backend import mx, on_cpu
from daemon.model.cores import EVERY_S, Cores, Usage, threads_for, usage


@pytest.mark.parametrize(
    ("work", "own", "expected"),
    [
        (20.0, 20.0, 2),  # alone
        (20.0, 10.0, 1),  # one other process
        (20.0, 7.0, 1),  # two others, which take more than their share
        (12.0, 10.0, 2),  # a little of others
        (3.0, 10.0, 2),  # clocks that disagree
    ],
)
def test_threads_are_the_cores_that_are_free(work: float, own: float, expected: int) -> None:
    assert threads_for(2, 2, (0.0, 0.0, 0.0), (10.0, work, own)) == expected


def test_never_less_than_one_nor_more_than_there_were() -> None:
    assert threads_for(2, 2, (0.0, 0.0, 0.0), (10.0, 40.0, 0.0)) == 1
    assert threads_for(64, 8, (0.0, 0.0, 0.0), (10.0, 300.0, 80.0)) == 8


def test_what_the_system_says_grows_with_what_is_done() -> None:
    before = usage()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    now = usage()
    assert now[0] > before[0] and now[2] - before[2] >= 0.3 and now[1] > before[1]


@pytest.fixture
def all_threads() -> Iterator[int]:
    most = blas.most_threads()
    if most is None or most < 2:
        pytest.skip("no OpenBLAS with more than one thread here")
    yield most
    blas.set_threads(most)


def test_a_busy_neighbour_gets_its_core_and_gives_it_back(all_threads: int) -> None:
    now = time.monotonic()
    looks: list[Usage] = [
        (now - 2 * EVERY_S, 0.0, 0.0),
        (now - 1.5 * EVERY_S, 1e6, 0.0),
        (now, 1e6, 0.0),
    ]
    cores = Cores(lambda: looks.pop(0))
    assert cores.free() == 1
    assert cores.free() == all_threads


@pytest.mark.skipif(not on_cpu(), reason="products go elsewhere")
@pytest.mark.parametrize("rows", [1, 7, 64, 200, 256, 333])
def test_a_product_has_the_same_bits_with_any_number_of_threads(
    all_threads: int, rows: int
) -> None:
    """A resumed run may have fewer cores than the one it goes on from."""
    mx.random.seed(rows)
    left, right = mx.random.normal((rows, 576)), mx.random.normal((1536, 576))
    found = []
    for count in range(1, all_threads + 1):
        blas.set_threads(count)
        product = left @ right.T
        found.append((np.array(product), np.array(left.T @ product)))
    for one, other in found[1:]:
        np.testing.assert_array_equal(one, found[0][0])
        np.testing.assert_array_equal(other, found[0][1])
