"""Keeps mlx-lm from wiring memory: only `daemon.model.machine` does, and only on request.

mlx-lm wires up to the recommended working set, two thirds of a Mac or more, while it generates;
a trainer and a server would both. Wired memory can be neither compressed nor swapped, and kernel
panics are reported with it (mlx 3186, mlx-lm 883). Untested on hardware.
"""

from importlib import import_module

import daemon.model.backend  # noqa: F401 mlx_lm imports mlx by itself: it must come afterwards

PLACES = ("mlx_lm.generate", "mlx_lm.utils")
NAME = "maybe_set_recommended_wired_limit"


def wire_nothing() -> None:
    """Replace mlx-lm's function, which returns None if there is nothing to restore."""


def keep_mlx_lm_from_wiring() -> None:
    """Patch mlx-lm wherever it would wire memory; call this before it generates anything."""
    for module in map(import_module, PLACES):
        if not hasattr(module, NAME):
            raise ImportError(
                f"{module.__name__} has no {NAME}: how does this release wire memory?"
            )
        setattr(module, NAME, wire_nothing)
