"""The one thread that owns the model: queues requests, generates answers, unloads when idle.

Jobs arrive through a queue and each job's `deliver` receives its events. The model is loaded for
the first job and unloaded after a while without any. A model that fails is loaded afresh; after
repeated failures the thread gives up, and only a new process loads another.
"""

import queue
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from daemon.clock import Clock
from daemon.errors import UserFault
from daemon.serving.answer import Deliver, OpenAnswer
from daemon.serving.engine import Engine
from daemon.serving.generation import GenerationJob, RequestError
from daemon.serving.memory_rule import MemoryRule
from daemon.settings_serving import ServerSettings

IDLE_CHECK_S = 5.0
"""How often an idle thread checks whether training needs the model's memory."""

MOST_FAILURES = 3
"""After so many failures in a row, without an answer in between, the thread gives up."""

STOPPING = RequestError(503, "stopping", "the server is stopping; try again in a moment", retry_s=5)
MODEL_DIED = RequestError(
    503,
    "model_died",
    "the model has died and this server is ending; try again in a moment",
    retry_s=5,
)
TOO_LATE = RequestError(
    503, "busy", "the request timed out while it waited for its turn", retry_s=10
)


@dataclass(frozen=True)
class Leave:
    """A client has disconnected: its answer is not needed."""

    number: int


class EngineThread:
    """Answers until closed; `submit` and `leave` may be called by any thread."""

    def __init__(
        self,
        engine: Engine,
        rule: MemoryRule,
        settings: ServerSettings,
        clock: Clock,
        died: Callable[[], None] = lambda: None,
    ) -> None:
        """`died` is called once, by the thread, when it gives the model up."""
        self._engine = engine
        self._rule = rule
        self._settings = settings
        self._clock = clock
        self._inbox: queue.SimpleQueue[OpenAnswer | Leave | None] = queue.SimpleQueue()
        self._waiting: deque[OpenAnswer] = deque()
        self._open: dict[int, OpenAnswer] = {}
        self._used_s = clock.monotonic_s()
        self._died = died
        self._failures = 0
        self._ended: RequestError | None = None
        self._counted_lock = threading.Lock()
        self._counted: set[int] = set()
        self._thread = threading.Thread(target=self._serve, name="model", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def over(self) -> RequestError | None:
        """Why the thread accepts no more requests; None while it does."""
        return self._ended

    @property
    def busy(self) -> tuple[int, int]:
        """How many answers are being generated, and how many wait."""
        return len(self._open), max(0, len(self._counted) - len(self._open))

    @property
    def loaded_versions(self) -> int | None:
        """How many versions are in memory; None without a model."""
        return None if self._engine.base is None else self._engine.loaded_versions

    @property
    def prompt_cache_bytes(self) -> int:
        """The size of the prompt cache."""
        return self._engine.prompt_cache_bytes

    def submit(self, work: GenerationJob, deliver: Deliver) -> RequestError | None:
        """Queue a job; return an error where the queue is full or the thread is ending."""
        until_s = self._clock.monotonic_s() + self._settings.answer_s
        with self._counted_lock:
            # Under the lock: the thread drains whatever was queued here before it ends.
            if self._ended is not None:
                return self._ended
            if len(self._counted) >= self._settings.at_once + self._settings.waiting:
                message = f"{len(self._counted)} requests are being answered or wait; try again"
                return RequestError(503, "busy", message, retry_s=2)
            self._counted.add(work.number)
            self._inbox.put(OpenAnswer(work, deliver, until_s))
        return None

    def leave(self, number: int) -> None:
        """Abandon an answer; after its end nothing happens."""
        self._inbox.put(Leave(number))

    def close(self, wait_s: float) -> None:
        """Stop the thread: unfinished answers get an error."""
        self._end(STOPPING)
        self._inbox.put(None)
        self._thread.join(wait_s)

    # --- the thread ---------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            while self._ended is None:
                try:
                    self._serve_round()
                except Exception as error:  # noqa: BLE001 - one failed round must not end the thread
                    self._fail(error)
            self._fail_all(self._ended)
            self._engine.unload()
        except BaseException as error:  # noqa: BLE001 - or clients would wait for ever
            _log("the model's thread has died", error)
            self._end(MODEL_DIED)
            self._fail_all(MODEL_DIED)
        if self._ended is MODEL_DIED:
            self._died()

    def _serve_round(self) -> None:
        self._receive(wait_s=None if self._open or self._waiting else self._idle_wait_s())
        if not self._open and not self._waiting:
            self._unload_if_idle()
            return
        self._used_s = self._clock.monotonic_s()
        self._cut_off_late()
        self._admit()
        for step in self._engine.step() if self._open else ():
            answer = self._open[step.number]
            if answer.take(step, self._engine):
                self._failures = 0
                self._forget(step.number)
                if step.finish is None:
                    self._engine.drop(step.number)
                # The prompt cache stays only while training does not need its memory.
                if self._rule.must_unload():
                    self._engine.forget()

    def _receive(self, wait_s: float | None) -> None:
        """Receive what has arrived; wait for the first item where there is nothing else to do."""
        try:
            item = self._inbox.get_nowait() if wait_s is None else self._inbox.get(timeout=wait_s)
            while True:
                self._accept(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _accept(self, item: OpenAnswer | Leave | None) -> None:
        if isinstance(item, OpenAnswer):
            self._waiting.append(item)
        elif isinstance(item, Leave):
            if item.number in self._open:
                self._engine.drop(item.number)
            self._waiting = deque(a for a in self._waiting if a.work.number != item.number)
            self._forget(item.number)

    def _forget(self, number: int) -> None:
        self._open.pop(number, None)
        with self._counted_lock:
            self._counted.discard(number)

    def _admit(self) -> None:
        """Begin waiting answers in their order while there are free places."""
        while self._waiting and len(self._open) < self._settings.at_once:
            answer = self._waiting[0]
            if self._engine.base not in (None, answer.work.subject.base):
                if self._open:
                    return
                # Another base model: only one is ever loaded.
                self._engine.unload()
            self._waiting.popleft()
            trouble = self._begin(answer)
            if trouble is not None:
                answer.deliver(trouble)
                self._forget(answer.work.number)

    def _begin(self, answer: OpenAnswer) -> RequestError | None:
        subject = answer.work.subject
        # First: where the engine fails below, this answer gets the error too.
        self._open[answer.work.number] = answer
        try:
            if self._engine.base is None:
                trouble = self._rule.load_error(self._engine.bytes_for(subject))
                if trouble is not None:
                    return trouble
                self._engine.load(subject.base)
            self._engine.begin(answer.work)
        except UserFault as fault:
            return RequestError(503, fault.code, fault.message, retry_s=60)
        return None

    def _cut_off_late(self) -> None:
        now_s = self._clock.monotonic_s()
        for number, answer in list(self._open.items()):
            if now_s > answer.until_s:
                self._engine.drop(number)
                answer.cut_off(self._engine)
                self._forget(number)
        for answer in [a for a in self._waiting if now_s > a.until_s]:
            self._waiting.remove(answer)
            answer.deliver(TOO_LATE)
            self._forget(answer.work.number)

    # --- rest and failure ---------------------------------------------------------------------

    def _idle_wait_s(self) -> float:
        if self._engine.base is None:
            return IDLE_CHECK_S
        idle_s = self._clock.monotonic_s() - self._used_s
        return min(IDLE_CHECK_S, max(0.0, self._settings.idle_unload_s - idle_s) + 0.01)

    def _unload_if_idle(self) -> None:
        """Unload the model after a long idle time, or where training needs the memory."""
        if self._engine.base is None:
            return
        idle_s = self._clock.monotonic_s() - self._used_s
        if idle_s >= self._settings.idle_unload_s or self._rule.must_unload():
            self._engine.unload()

    def _fail(self, error: Exception) -> None:
        """Fail every open request; waiting ones get a fresh model, if there is to be one."""
        name = uuid4().hex[:12]
        _log(f"answering failed ({name})", error)
        message = f"the model failed ({name}; the server's log says where); try again"
        for answer in list(self._open.values()):
            answer.deliver(RequestError(500, "generation_failed", message))
            self._forget(answer.work.number)
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._end(MODEL_DIED)
        self._engine.unload()

    def _end(self, why: RequestError) -> None:
        with self._counted_lock:
            self._ended = self._ended or why

    def _fail_all(self, trouble: RequestError) -> None:
        while True:
            try:
                self._accept(self._inbox.get_nowait())
            except queue.Empty:
                break
        for answer in [*self._open.values(), *self._waiting]:
            answer.deliver(trouble)
        self._open.clear()
        self._waiting.clear()
        with self._counted_lock:
            self._counted.clear()


def _log(what: str, error: BaseException) -> None:
    # Never the message: it may contain the prompt.
    where = "".join(traceback.format_tb(error.__traceback__))
    sys.stderr.write(f"{what}: {type(error).__name__}\n{where}")
