"""Says whether MLX has a back end here, and whether its wheels fit one another; imports no MLX.

On Linux `mlx` itself computes nothing: one more wheel brings `mlx/lib/libmlx.so`, for the CPU or
for CUDA. All of them own that file, so of two the one that was installed last counts.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from daemon.errors import UserFault

EXTRAS = {"mlx-cpu": "cpu", "mlx-cuda-12": "cuda12", "mlx-cuda-13": "cuda13"}
"""The wheels with a back end, and the extra of finetuned that asks for each."""

LIBRARY = "mlx/lib/libmlx.so"


@dataclass(frozen=True)
class Wheels:
    """The installed wheels with a back end."""

    names: tuple[str, ...]
    effective: str | None
    """Whose library lies in place; None where it is nobody's, or cannot be told."""
    library: bool
    """Whether there is a library at all: one of no wheel may have been built by hand."""


def installed() -> Wheels:
    """Look at what is installed for this Python."""
    found = {name: wheel for name in EXTRAS if (wheel := _find(name)) is not None}
    mlx = _find("mlx")
    return Wheels(
        names=tuple(found),
        effective=_owner(found),
        library=mlx is not None and _size(mlx) is not None,
    )


def trouble(wheels: Wheels, nvidia: bool) -> str | None:
    """Return what is wrong with the wheels of a Linux machine and the way out; None if nothing.

    `nvidia` where the machine has a GPU that MLX could use.
    """
    if len(wheels.names) > 1:
        counts = f"that of {wheels.effective} counts" if wheels.effective else "the last counts"
        return (
            f"{' and '.join(wheels.names)} are installed beside each other and own the same "
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
    """Refuse to begin what could never compute.

    Raises:
        UserFault: MLX is installed without a back end; the message has the command to mend it.
    """
    if sys.platform != "linux":
        return
    found = installed()
    if not found.names and (words := trouble(found, nvidia=False)) is not None:
        raise UserFault("no_mlx", words)


def without_back_end(error: ImportError) -> UserFault:
    """Return what to tell where MLX cannot be imported."""
    lost = trouble(installed(), nvidia=False) if sys.platform == "linux" else None
    return UserFault("no_mlx", lost or f"MLX cannot be loaded: {error}")


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
    """Return whose library lies there, by its size: a CUDA build is many times larger."""
    owners = [
        name
        for name, wheel in found.items()
        for file in wheel.files or ()
        if str(file) == LIBRARY and file.size is not None and file.size == _size(wheel)
    ]
    return owners[0] if len(owners) == 1 else None


def _size(wheel: Distribution) -> int | None:
    """Return the size of the library beside a wheel's files; None where it is not there."""
    try:
        return Path(str(wheel.locate_file(LIBRARY))).stat().st_size
    except OSError:
        return None
