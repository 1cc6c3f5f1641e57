"""Computes several passes at once on a CPU, each in a thread of its own.

MLX's CPU back end evaluates one thread's graph on one core, and only matrix products use more: in
most of a small model's step the other cores are idle. So passes are computed in parallel, with
fewer BLAS threads for each. The bits of the results do not depend on the number of threads.
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
"""Further cores make the products of each pass faster instead: memory grows with the threads."""

Item = TypeVar("Item")
Found = TypeVar("Found")
Task = tuple[Future[Any], Callable[[Any], Any], Any]
Tasks = queue.SimpleQueue[Task | None]


class ParallelPasses:
    """The compute threads of one process; on a GPU only the calling thread computes."""

    def __init__(self, most: int = MOST_THREADS, cores: Cores | None = None) -> None:
        self._cores = cores or Cores()
        self.most = min(most, self._cores.most) if on_cpu() else 1
        self._tasks: Tasks = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        # MLX crashes the process if such threads still exist when it exits.
        weakref.finalize(self, _end, self._tasks, self._threads)

    def each(
        self, work: Callable[[Item], Found], items: Sequence[Item], most: int | None = None
    ) -> Generator[Found, None, None]:
        """Yield the result of `work` for each item, in order, computing at most `most` at once.

        `work` must return evaluated arrays: others can only be evaluated in the thread that built
        them. If the caller stops early, pending items are not computed.
        """
        concurrency = self.share(min(len(items), self.most if most is None else most))
        if concurrency == 1:
            yield from map(work, items)
        else:
            yield from self._side_by_side(work, items, concurrency)

    def share(self, among: int) -> int:
        """Divide the free cores among at most `among` concurrent tasks; return how many fit."""
        free = self._cores.free()
        concurrency = max(1, min(among, free, self.most))
        # Also under FINETUNED_AS=gpu: the CPU has the same cores then.
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
                # Submit twice as many as run, so that one slow item does not stall the others.
                if len(waiting) == 2 * concurrency:
                    yield waiting.pop(0).result()
                waiting.append(Future())
                self._tasks.put((waiting[-1], in_turn, item))
            while waiting:
                yield waiting.pop(0).result()
        finally:
            # Wait for running items: the caller goes on to use the model.
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
        except BaseException as error:  # noqa: BLE001 raised again in the calling thread
            future.set_exception(error)
        del task, future, work, item
    mx.clear_streams()


def _end(tasks: Tasks, threads: Sequence[threading.Thread]) -> None:
    for _ in threads:
        tasks.put(None)
    for thread in threads:
        thread.join()
