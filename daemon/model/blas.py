"""Gives MLX a fast BLAS on Linux: OpenBLAS, loaded before MLX so that its symbols win.

The CPU wheel of MLX brings the reference BLAS, ten to a hundred times slower. `cblas_sgemm` is an
ordinary dynamic symbol, so the first library that is loaded globally serves it.
"""

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

FORTRAN = "libgfortran.so.5"


def load_blas() -> str | None:
    """Load OpenBLAS and return where it lies; None where it is not wanted or not to be had."""
    if sys.platform != "linux" or "mlx.core" in sys.modules:
        return None
    path = _site_packages() / "cmeel.prefix" / "lib" / "libopenblas.so.0"
    if not path.exists():
        return None
    try:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return str(path) if _load_fortran() and _load(path) else None
    return str(path)


def _load(path: Path) -> bool:
    try:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def _load_fortran() -> bool:
    """Load the Fortran runtime of MLX's own wheel under the plain name that OpenBLAS asks for.

    A machine without a compiler has no `libgfortran.so.5`. The wheel's copy was renamed when it was
    packed; its name inside the file is longer than the plain one, so that fits in its place. The
    copy lives in memory only.
    """
    folder = _site_packages() / "mlx_cpu.libs"
    found = sorted(folder.glob("libgfortran*"))
    if not found:
        return False
    for mate in folder.glob("libquadmath*"):
        _load(mate)
    name = found[0].name.encode() + b"\0"
    data = found[0].read_bytes()
    if data.count(name) != 1:
        return False
    descriptor = os.memfd_create(FORTRAN)
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(data.replace(name, FORTRAN.encode().ljust(len(name), b"\0")))
    # The descriptor stays open: the loader may look at the file again.
    return _load(Path(f"/proc/self/fd/{descriptor}"))


def _site_packages() -> Path:
    """Return the directory that MLX is installed in."""
    spec = importlib.util.find_spec("mlx")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]).parent if places else Path()
