"""MLX, set up for this machine; every other module takes it from here."""

import os
import shutil
import sys

from daemon.model.blas import load_blas

BLAS = load_blas()
# mlx-lm brings transformers along, which otherwise tells each start that PyTorch is missing.
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")

WATCHDOG_VARIABLE = "AGX_RELAX_CDM_CTXSTORE_TIMEOUT"
"""With 1, macOS does not end long work on the GPU so soon while a display is on (mlx 3267)."""

# Metal reads it when it starts; a user's own value stays.
if sys.platform == "darwin":
    os.environ.setdefault(WATCHDOG_VARIABLE, "1")

# MLX must come after the BLAS: the first definition of a symbol is the one that counts.
import mlx.core as mx  # noqa: E402
import mlx.nn as nn  # noqa: E402
import mlx.optimizers as optim  # noqa: E402
from mlx.nn.layers.base import Module  # noqa: E402
from mlx.nn.layers.linear import Linear  # noqa: E402
from mlx.nn.layers.quantized import QuantizedLinear  # noqa: E402

__all__ = ["BLAS", "PLAIN_LINEAR", "Module", "device_name", "mx", "nn", "on_cpu", "optim"]

PLAIN_LINEAR = (Linear, QuantizedLinear)


def on_cpu() -> bool:
    """Return whether MLX computes on the CPU."""
    return bool(mx.default_device().type == mx.DeviceType.cpu)


def device_name() -> str:
    """Return what MLX computes on, for people."""
    if on_cpu():
        return f"CPU ({BLAS.split()[0]})" if BLAS else "CPU"
    name = mx.device_info().get("device_name", "GPU")
    return str(name)


# The CPU back end compiles with g++ at run time and fails without; it gains nothing from it.
if on_cpu() and shutil.which("g++") is None:
    mx.disable_compile()
