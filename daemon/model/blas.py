"""Gives MLX's CPU back end on Linux a fast BLAS; must run before MLX is first imported.

MLX's wheel brings the reference BLAS; `cblas_sgemm` of a library loaded globally before goes first.
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
    """Load OpenBLAS for the whole process; return what it calls itself, None without one."""
    loaded = _openblas()
    if loaded is None:
        return None
    loaded.openblas_get_config.restype = ctypes.c_char_p
    return str(loaded.openblas_get_config().decode(errors="replace")).strip()


def threads() -> int | None:
    """Return how many threads a product takes; None without OpenBLAS."""
    loaded = _openblas()
    return None if loaded is None else int(loaded.openblas_get_num_threads())


@cache
def most_threads() -> int | None:
    """Return how many threads products took at the start; None without OpenBLAS."""
    return threads()


def set_threads(count: int) -> None:
    """Have products take so many threads from now on; each gives the same bits with any number."""
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
            _lend_fortran()
            return ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            return None


def _file_of(package: str, name: str) -> Path | None:
    try:
        path = Path(str(distribution(package).locate_file(name)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _lend_fortran() -> None:
    """Load the Fortran runtime of MLX's own wheel under the name that OpenBLAS asks for.

    cmeel-openblas expects the system's libgfortran, which a plain machine lacks. The linker goes by
    the name inside the file, and wheels give theirs a longer one: a copy in memory gets it back.

    Raises:
        OSError: there is none, or the system refuses.
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
