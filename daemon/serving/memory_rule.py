"""Decides whether the server may load a model, or keep it, while the trainer has its own.

Both may where there is memory for both; otherwise training has priority, and requests are refused
with a `Retry-After`.
"""

from collections.abc import Callable

from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.serving.generation import RequestError
from daemon.system.memory import available_bytes

RESERVE_SHARE = 0.1
"""Share of the machine's memory that stays free for everything else."""

RETRY_S = 30


class MemoryRule:
    """Reads the trainer's lock and the free memory; acquires neither."""

    def __init__(
        self, layout: Layout, memory: Callable[[], tuple[int, int]] = available_bytes
    ) -> None:
        self._lock = layout.trainer_lock
        self._memory = memory

    @property
    def training(self) -> bool:
        """Whether a trainer has a model in memory."""
        return locks.holder(self._lock) is not None

    def load_error(self, need_bytes: int) -> RequestError | None:
        """Return why a model of this size must not be loaded now; None if it may."""
        free, total = self._memory()
        if free - need_bytes >= total * RESERVE_SHARE or not self.training:
            return None
        message = (
            f"the trainer is using the memory: {free >> 20} MB are free and {need_bytes >> 20} MB "
            "are needed beside it; try again when training is over"
        )
        return RequestError(503, "training", message, retry_s=RETRY_S)

    def must_unload(self) -> bool:
        """Return whether a trainer that started later needs the memory of this idle model."""
        free, total = self._memory()
        return free < total * RESERVE_SHARE and self.training
