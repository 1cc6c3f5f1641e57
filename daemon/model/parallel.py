"""Computes several things at once on a CPU, each in a thread of its own; knows no step.

MLX's CPU back end works off one thread's graph on one core, and only matrix products take more:
most of a step of a small model is the rest, with the other cores idle. So passes are computed side
by side, with fewer threads for the products of each. The bits do not depend on the lanes.
"""

import queue
import threading
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from daemon.model import blas
from daemon.model.backend import mx, on_cpu
from daemon.model.cores import Cores

MOST_THREADS = 4
"""More cores than this make the products of each lane faster instead: memory grows with lanes."""

Item = TypeVar("Item")
Found = TypeVar("Found")
Task = tuple[Future[Any], Callable[[Any], Any], Any]
Tasks = queue.SimpleQueue[Task | None]


class ParallelPasses:
    """The threads of one process that compute; on a GPU none but the one that asks."""

    def __init__(self, most: int = MOST_THREADS, cores: Cores | None = None) -> None:
        self._cores = cores or Cores()
        self.most = min(most, self._cores.most) if on_cpu() else 1
        self._tasks: Tasks = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        # MLX ends the process by a signal where such threads are still there at its end.
        weakref.finalize(self, _end, self._tasks, self._threads)

    def each(
        self, work: Callable[[Item], Found], items: Sequence[Item], most: int | None = None
    ) -> Generator[Found, None, None]:
        """Give what `work` makes of each item, in order, at most `most` of them at once.

        What it returns must be evaluated: what is not can only be in the thread that built it.
        Where the caller leaves before the end, what was not begun is not computed.
        """
        concurrency = self.share(min(len(items), self.most if most is None else most))
        if concurrency == 1:
            yield from map(work, items)
        else:
            yield from self._side_by_side(work, items, concurrency)

    def share(self, among: int) -> int:
        """Give each of `among` things at once its part of the free cores; return how many fit."""
        free = self._cores.free()
        concurrency = max(1, min(among, free, self.most))
        # Whatever is chosen for: a CPU that computes as a GPU does has the same cores.
        blas.set_threads(max(1, free // concurrency))
        return concurrency

    def _side_by_side(
        self, work: Callable[[Item], Found], items: Sequence[Item], concurrency: int
    ) -> Iterator[Found]:
        while len(self._threads) < concurrency:
            self._threads.append(threading.Thread(target=_run, args=(self._tasks,), daemon=True))
            self._threads[-1].start()
        waiting: list[Future[Found]] = []
        at_once = threading.Semaphore(concurrency)

        def in_turn(item: Item) -> Found:
            with at_once:
                return work(item)

        try:
            for item in items:
                # Some more than are computed: none waits for one before it that takes longer.
                if len(waiting) == 2 * concurrency:
                    yield waiting.pop(0).result()
                waiting.append(Future())
                self._tasks.put((waiting[-1], in_turn, item))
            while waiting:
                yield waiting.pop(0).result()
        finally:
            # Nothing is left at work on a model that the caller goes on with.
            for future in waiting:
                if not future.cancel():
                    future.exception()


def _run(tasks: Tasks) -> None:
    while (task := tasks.get()) is not None:
        future, work, item = task
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(work(item))
        except BaseException as error:  # noqa: BLE001 the thread that asked gets it
            future.set_exception(error)
        del task, future, work, item
    mx.clear_streams()


def _end(tasks: Tasks, threads: Sequence[threading.Thread]) -> None:
    for _ in threads:
        tasks.put(None)
    for thread in threads:
        thread.join()
