"""The BLAS that MLX computes with."""

from importlib.util import find_spec

import pytest

from daemon.model.backend import BLAS, device_name, mx, on_cpu
from daemon.model.blas import load_blas


@pytest.mark.linux("other systems bring a fast BLAS of their own")
def test_on_linux_openblas_is_loaded_before_mlx() -> None:
    assert find_spec("cmeel") is None or (BLAS is not None and BLAS.startswith("OpenBLAS"))
    assert load_blas() == BLAS


def test_products_are_right_with_the_loaded_library() -> None:
    left, right = mx.arange(6.0).reshape(2, 3), mx.arange(12.0).reshape(3, 4)
    assert (left @ right).tolist() == [[20, 23, 26, 29], [56, 68, 80, 92]]


def test_the_device_has_a_name_for_people() -> None:
    assert device_name().startswith("CPU") == on_cpu()
