"""The one door to MLX: the BLAS comes first, then MLX, then what this machine cannot do is off."""

# ruff: noqa: E402 - the order is the point: OpenBLAS has to be loaded before MLX
import shutil
import sys

from daemon.model.blas import load_blas

BLAS = load_blas()
"""Where the loaded OpenBLAS lies; None where MLX's own is used."""

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim

ON_CPU = mx.default_device() == mx.Device(mx.cpu)
"""Whether everything is computed on the CPU, in fp32."""

COMPILES = not ON_CPU
"""Whether the step is compiled: on the CPU it gains nothing and each new shape costs."""

if ON_CPU and sys.platform == "linux" and shutil.which("g++") is None:
    # MLX builds fused CPU kernels with g++ at run time; without one it has to do without.
    mx.disable_compile()

__all__ = ["BLAS", "COMPILES", "ON_CPU", "device", "mx", "nn", "optim"]


def device() -> str:
    """Return what MLX computes on: `cpu`, `metal` or `cuda`."""
    if ON_CPU:
        return "cpu"
    return "metal" if sys.platform == "darwin" else "cuda"
