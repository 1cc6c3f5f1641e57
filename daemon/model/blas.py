"""Loads OpenBLAS for MLX's CPU back end on Linux; must run before MLX is first imported.

MLX's wheel has the reference BLAS; the `cblas_sgemm` of a library loaded globally before wins.
"""

import ctypes
import os
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

_LIBRARY = "cmeel.prefix/lib/libopenblas.so.0"
_FORTRAN = b"libgfortran.so.5"


def load_blas() -> str | None:
    """Load OpenBLAS for the whole process; return its name and version, None without it."""
    loaded = _openblas()
    if loaded is None:
        return None
    loaded.openblas_get_config.restype = ctypes.c_char_p
    return str(loaded.openblas_get_config().decode(errors="replace")).strip()


def threads() -> int | None:
    """Return how many threads a product uses; None without OpenBLAS."""
    loaded = _openblas()
    return None if loaded is None else int(loaded.openblas_get_num_threads())


@cache
def most_threads() -> int | None:
    """Return how many threads products used at the start; None without OpenBLAS."""
    return threads()


def set_threads(count: int) -> None:
    """Set the number of threads of products; the results are the same bits with any number."""
    loaded = _openblas()
    if loaded is not None:
        most_threads()
        loaded.openblas_set_num_threads(count)


@cache
def _openblas() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = _file_of("cmeel-openblas", _LIBRARY)
    if library is None:
        return None
    try:
        return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        try:
            _load_fortran()
            return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            return None


def _file_of(package: str, name: str) -> Path | None:
    try:
        path = Path(str(distribution(package).locate_file(name)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _load_fortran() -> None:
    """Load the Fortran runtime of MLX's own wheel under the name that OpenBLAS needs.

    cmeel-openblas expects the system's libgfortran, which many machines lack. The linker goes by
    the name inside the file, which wheels change: a copy in memory gets the original name back.

    Raises:
        OSError: there is no such runtime, or the system refuses.
    """
    try:
        libraries = Path(str(distribution("mlx-cpu").locate_file("mlx_cpu.libs")))
    except PackageNotFoundError as error:
        raise OSError("no Fortran runtime found") from error
    for quad in libraries.glob("libquadmath-*.so*"):
        ctypes.CDLL(str(quad))
    for fortran in libraries.glob("libgfortran-*.so*"):
        name = fortran.name.encode() + b"\0"
        image = fortran.read_bytes().replace(name, _FORTRAN.ljust(len(name), b"\0"))
        _load_image(image)


def _load_image(image: bytes) -> None:
    if sys.platform != "linux":
        return
    with open(os.memfd_create(_FORTRAN.decode()), "wb") as file:
        file.write(image)
        file.flush()
        ctypes.CDLL(f"/proc/self/fd/{file.fileno()}")
