"""Skips tests where what they rest on is not given, each with its reason: `linux`, `cpu_bits`."""

import sys

import pytest


def skip_elsewhere(item: pytest.Item) -> None:
    """Skip a test that can only pass on another platform or back end."""
    linux = item.get_closest_marker("linux")
    if linux is not None and sys.platform != "linux":
        [reason] = linux.args
        pytest.skip(f"Linux only: {reason}")
    if item.get_closest_marker("cpu_bits") is not None and not _computes_on_cpu():
        pytest.skip("bits that repeat, and products in full fp32, are promised on the CPU only")


def _computes_on_cpu() -> bool:
    # Imported here: most tests need no MLX.
    from daemon.model.backend import mx

    return bool(mx.default_device().type == mx.DeviceType.cpu)
