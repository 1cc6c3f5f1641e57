"""MLX, set up for this machine; every other module imports it from here."""

import ctypes
import os
import shutil
import sys
from contextlib import suppress

from daemon.model import wheels
from daemon.model.blas import load_blas

BLAS = load_blas()
# mlx-lm imports transformers, which otherwise warns at each start that PyTorch is missing.
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")

WATCHDOG_VARIABLE = "AGX_RELAX_CDM_CTXSTORE_TIMEOUT"
"""With 1, macOS does not kill long GPU work so soon while a display is on (mlx 3267)."""

# Metal reads it at its start; a user's own value stays.
if sys.platform == "darwin":
    os.environ.setdefault(WATCHDOG_VARIABLE, "1")

# glibc returns large freed blocks to the system and gets them back page by page, which takes a
# tenth of a step on the CPU: MLX allocates the same sizes again and again.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
if _libc is not None:
    _M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
    with suppress(AttributeError):
        _libc.mallopt(_M_MMAP_THRESHOLD, 2**30)
        _libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)

# MLX must come after the BLAS: the first definition of a symbol is the one that counts.
try:
    import mlx.core as mx
except ImportError as error:
    raise wheels.without_back_end(error) from error
import mlx.nn as nn  # noqa: E402
import mlx.optimizers as optim  # noqa: E402
from mlx.nn.layers.base import Module  # noqa: E402
from mlx.nn.layers.dropout import Dropout as PlainDropout  # noqa: E402
from mlx.nn.layers.linear import Linear  # noqa: E402
from mlx.nn.layers.quantized import QuantizedLinear  # noqa: E402

__all__ = [
    "AS_VARIABLE",
    "BLAS",
    "DEVICE_VARIABLE",
    "PLAIN_LINEAR",
    "Module",
    "PlainDropout",
    "can_compile",
    "device_name",
    "give_back",
    "mx",
    "nn",
    "on_cpu",
    "optim",
]

PLAIN_LINEAR = (Linear, QuantizedLinear)

AS_VARIABLE = "FINETUNED_AS"
"""With "gpu", code behaves as on a GPU while the CPU computes: for tests; children inherit it."""

DEVICE_VARIABLE = "FINETUNED_DEVICE"
"""With "cpu", MLX computes on the CPU even where there is a GPU; children inherit it."""

if os.environ.get(DEVICE_VARIABLE) == "cpu":
    mx.set_default_device(mx.Device(mx.DeviceType.cpu))


def on_cpu() -> bool:
    """Return whether MLX computes on the CPU, so that code should choose accordingly."""
    # Read at each call: a test may set it for itself.
    if os.environ.get(AS_VARIABLE) == "gpu":
        return False
    return bool(mx.default_device().type == mx.DeviceType.cpu)


def device_name() -> str:
    """Return the name of MLX's device, for people."""
    if on_cpu():
        return f"CPU ({BLAS.split()[0]})" if BLAS else "CPU"
    name = mx.device_info().get("device_name", "GPU")
    return str(name)


def give_back() -> None:
    """Return cached free memory to the system; later work has to allocate it again."""
    mx.clear_cache()
    with suppress(AttributeError):
        if _libc is not None:
            _libc.malloc_trim(0)


def can_compile() -> bool:
    """Return whether MLX can compile; its CPU back end needs g++ at run time."""
    return not on_cpu() or shutil.which("g++") is not None


if not can_compile():
    mx.disable_compile()
