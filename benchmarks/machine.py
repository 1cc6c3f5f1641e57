"""What this machine and process give: load, threads, peak memory, the best matrix product.

MLX is imported where it is needed: the caller decides which BLAS is loaded before it.
"""

import ctypes
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil

SIDES = (1024, 1536, 2048)
"""Rows and columns of the products tried."""

SLOW_S = 0.5
"""After a product this slow no larger one is tried."""


def threads() -> int:
    """Return how many threads the BLAS of this process computes with; 1 for the reference BLAS."""
    try:
        count = ctypes.CDLL(None).openblas_get_num_threads
    except AttributeError:
        return 1
    return int(count())


def peak_gflops() -> float:
    """Return billions of products and sums a second in float32, the best of several sizes."""
    import mlx.core as mx

    best = 0.0
    for side in SIDES:
        left, right = mx.random.normal((side, side)), mx.random.normal((side, side))
        mx.eval(left, right, left @ right)
        for _ in range(3):
            began_s = perf_counter()
            mx.eval(left @ right)
            took_s = perf_counter() - began_s
            best = max(best, 2e-9 * side**3 / took_s)
        if took_s > SLOW_S:
            break
    mx.clear_cache()
    return best


def forget_peaks() -> None:
    """Let the peaks of memory count from here, so that loading and warming up are not in them."""
    import mlx.core as mx

    mx.clear_cache()
    mx.reset_peak_memory()
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peaks() -> dict[str, Any]:
    """Return the peaks of MLX's own memory and of the process, in bytes."""
    import mlx.core as mx

    return {"mlx_peak_bytes": mx.get_peak_memory(), "rss_peak_bytes": _rss_peak()}


def _rss_peak() -> int:
    if sys.platform == "linux":
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return int(psutil.Process().memory_info().rss)


def facts() -> dict[str, Any]:
    """Return what a report says of the process, measured now: it takes a second or two."""
    return {"threads": threads(), "peak_gflops": peak_gflops()}


def load() -> str:
    """Return how many processes want a core, on average over one minute."""
    return f"{os.getloadavg()[0]:.1f}"
