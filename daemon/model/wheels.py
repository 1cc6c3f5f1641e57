"""Checks whether MLX has a back end here and whether its wheels fit together, without importing it.

On Linux `mlx` itself has no back end: another wheel provides `mlx/lib/libmlx.so`, for the CPU or
for CUDA. All of these own the same file, so of two the one installed last is used.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from daemon.errors import UserFault

EXTRAS = {"mlx-cpu": "cpu", "mlx-cuda-12": "cuda12", "mlx-cuda-13": "cuda13"}
"""The wheels with a back end, and the extra of finetuned that installs each."""

LIBRARY = "mlx/lib/libmlx.so"


@dataclass(frozen=True)
class Wheels:
    """The installed wheels with a back end."""

    names: tuple[str, ...]
    effective: str | None
    """The wheel whose library is in place; None if that is unknown."""
    library: bool
    """Whether there is a library at all: one without a wheel may have been built by hand."""


def installed() -> Wheels:
    """Return the wheels installed for this Python."""
    found = {name: wheel for name in EXTRAS if (wheel := _find(name)) is not None}
    mlx = _find("mlx")
    return Wheels(
        names=tuple(found),
        effective=_owner(found),
        library=mlx is not None and _size(mlx) is not None,
    )


def problem_of(wheels: Wheels, nvidia: bool) -> str | None:
    """Return what is wrong with the wheels of a Linux machine, and the fix; None if nothing.

    `nvidia` where the machine has a GPU that MLX could use.
    """
    if len(wheels.names) > 1:
        counts = f"that of {wheels.effective} counts" if wheels.effective else "the last counts"
        return (
            f"{' and '.join(wheels.names)} are both installed and contain the same "
            f"{LIBRARY}: {counts}. Keep one: {_remove(wheels.names)}, then {_choice()}"
        )
    if not wheels.names and not wheels.library:
        return f"MLX is installed without a back end: {_choice()}"
    if nvidia and wheels.names == ("mlx-cpu",):
        return (
            "there is an NVIDIA GPU, but MLX is installed for the CPU only: "
            f"{_remove(wheels.names)}, then {_install('cuda12')} (or cuda13)"
        )
    return None


def require() -> None:
    """Fail early where nothing could be computed.

    Raises:
        UserFault: MLX is installed without a back end; the message has the command to fix it.
    """
    if sys.platform != "linux":
        return
    found = installed()
    if not found.names and (words := problem_of(found, nvidia=False)) is not None:
        raise UserFault("no_mlx", words)


def without_back_end(error: ImportError) -> UserFault:
    """Return the fault for an MLX that cannot be imported."""
    problem = problem_of(installed(), nvidia=False) if sys.platform == "linux" else None
    return UserFault("no_mlx", problem or f"MLX cannot be loaded: {error}")


def _choice() -> str:
    return f"{_install('cpu')}, or cuda12 or cuda13 in place of cpu for an NVIDIA GPU"


def _install(extra: str) -> str:
    return f"{sys.executable} -m pip install 'finetuned[{extra}]'"


def _remove(names: tuple[str, ...]) -> str:
    return f"{sys.executable} -m pip uninstall -y {' '.join(names)}"


def _find(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _owner(found: Mapping[str, Distribution]) -> str | None:
    """Return the wheel that owns the library, by its size: a CUDA build is many times larger."""
    owners = [
        name
        for name, wheel in found.items()
        for file in wheel.files or ()
        if str(file) == LIBRARY and file.size is not None and file.size == _size(wheel)
    ]
    return owners[0] if len(owners) == 1 else None


def _size(wheel: Distribution) -> int | None:
    """Return the size of the library beside a wheel's files; None if it is not there."""
    try:
        return Path(str(wheel.locate_file(LIBRARY))).stat().st_size
    except OSError:
        return None
