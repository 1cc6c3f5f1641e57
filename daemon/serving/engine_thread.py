"""The one thread that owns the model: takes work, makes answers side by side, rests; no HTTP.

Work comes in by a queue and what is said goes out by each work's `deliver`. The model is loaded
for the first work and given back after a while without any. One that fails is loaded afresh; one
that fails again and again is given up, and only a new process has another.
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

LOOK_S = 5.0
"""How often a resting model is compared with the memory."""

MOST_FAILURES = 3
"""After so many in a row, no answer in between, the model is given up."""

STOPPING = RequestError(503, "stopping", "the server is stopping; ask again in a moment", retry_s=5)
MODEL_DIED = RequestError(
    503, "model_died", "the model has died, and this server ends; ask again in a moment", retry_s=5
)
TOO_LATE = RequestError(
    503, "busy", "the request waited for its turn until its time was over", retry_s=10
)


@dataclass(frozen=True)
class Leave:
    """A client is gone: its answer need not be made."""

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
        """`died` is called once, by the thread, where the model is given up."""
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
        self._over: RequestError | None = None
        self._counting = threading.Lock()
        self._counted: set[int] = set()
        self._thread = threading.Thread(target=self._serve, name="model", daemon=True)

    def start(self) -> None:
        """Begin to take work."""
        self._thread.start()

    @property
    def over(self) -> RequestError | None:
        """Why it answers no more; None while it does."""
        return self._over

    @property
    def busy(self) -> tuple[int, int]:
        """How many answers are in the making, and how many wait."""
        return len(self._open), max(0, len(self._counted) - len(self._open))

    @property
    def loaded_versions(self) -> int | None:
        """How many versions are in memory; None without a model."""
        return None if self._engine.base is None else self._engine.loaded_versions

    @property
    def kept_bytes(self) -> int:
        """What the states of earlier prompts take."""
        return self._engine.kept_bytes

    def submit(self, work: GenerationJob, deliver: Deliver) -> RequestError | None:
        """Take work; say why not where too much waits already or the end is near."""
        until_s = self._clock.monotonic_s() + self._settings.answer_s
        with self._counting:
            # Under the lock: what is put in here, the thread finds before it ends.
            if self._over is not None:
                return self._over
            if len(self._counted) >= self._settings.at_once + self._settings.waiting:
                message = f"{len(self._counted)} requests are being answered or wait; come again"
                return RequestError(503, "busy", message, retry_s=2)
            self._counted.add(work.number)
            self._inbox.put(OpenAnswer(work, deliver, until_s))
        return None

    def leave(self, number: int) -> None:
        """Give an answer's place to others; after its end nothing happens."""
        self._inbox.put(Leave(number))

    def close(self, wait_s: float) -> None:
        """End: what is in the making is told so."""
        self._end(STOPPING)
        self._inbox.put(None)
        self._thread.join(wait_s)

    # --- the thread ---------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            while self._over is None:
                try:
                    self._round()
                except Exception as error:  # noqa: BLE001 - one border: the next finds it alive
                    self._fail(error)
            self._tell_all(self._over)
            self._engine.unload()
        except BaseException as error:  # noqa: BLE001 - else whoever waits would wait for ever
            _log("the model's thread has died", error)
            self._end(MODEL_DIED)
            self._tell_all(MODEL_DIED)
        if self._over is MODEL_DIED:
            self._died()

    def _round(self) -> None:
        self._take_in(wait_s=None if self._open or self._waiting else self._rest_s())
        if not self._open and not self._waiting:
            self._rest()
            return
        self._used_s = self._clock.monotonic_s()
        self._cut_off_late()
        self._admit()
        for said in self._engine.step() if self._open else ():
            answer = self._open[said.number]
            if answer.take(said, self._engine):
                self._failures = 0
                self._forget(said.number)
                if said.finish is None:
                    self._engine.drop(said.number)
                # What an answer leaves behind is kept only while training does not need the room.
                if self._rule.must_give_back():
                    self._engine.forget()

    def _take_in(self, wait_s: float | None) -> None:
        """Take what has come; wait for the first where there is nothing else to do."""
        try:
            item = self._inbox.get_nowait() if wait_s is None else self._inbox.get(timeout=wait_s)
            while True:
                self._sort(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _sort(self, item: OpenAnswer | Leave | None) -> None:
        if isinstance(item, OpenAnswer):
            self._waiting.append(item)
        elif isinstance(item, Leave):
            if item.number in self._open:
                self._engine.drop(item.number)
            self._waiting = deque(a for a in self._waiting if a.work.number != item.number)
            self._forget(item.number)

    def _forget(self, number: int) -> None:
        self._open.pop(number, None)
        with self._counting:
            self._counted.discard(number)

    def _admit(self) -> None:
        """Begin what waits, in its order, as far as there are places."""
        while self._waiting and len(self._open) < self._settings.at_once:
            answer = self._waiting[0]
            if self._engine.base not in (None, answer.work.subject.base):
                if self._open:
                    return
                # Another base model: only one is ever in memory.
                self._engine.unload()
            self._waiting.popleft()
            trouble = self._begin(answer)
            if trouble is not None:
                answer.deliver(trouble)
                self._forget(answer.work.number)

    def _begin(self, answer: OpenAnswer) -> RequestError | None:
        subject = answer.work.subject
        # At once: where the engine fails on the way, it is told with those that are open.
        self._open[answer.work.number] = answer
        try:
            if self._engine.base is None:
                trouble = self._rule.keeps_out(self._engine.bytes_for(subject))
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

    def _rest_s(self) -> float:
        if self._engine.base is None:
            return LOOK_S
        idle_s = self._clock.monotonic_s() - self._used_s
        return min(LOOK_S, max(0.0, self._settings.idle_unload_s - idle_s) + 0.01)

    def _rest(self) -> None:
        """Give the model back where nobody asked for long, or training needs the memory."""
        if self._engine.base is None:
            return
        idle_s = self._clock.monotonic_s() - self._used_s
        if idle_s >= self._settings.idle_unload_s or self._rule.must_give_back():
            self._engine.unload()

    def _fail(self, error: Exception) -> None:
        """Tell every open request; those that wait are for a fresh model, if there is one more."""
        name = uuid4().hex[:12]
        _log(f"answering failed ({name})", error)
        message = f"the model failed ({name}; the server's log says where); ask again"
        for answer in list(self._open.values()):
            answer.deliver(RequestError(500, "generation_failed", message))
            self._forget(answer.work.number)
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._end(MODEL_DIED)
        self._engine.unload()

    def _end(self, why: RequestError) -> None:
        with self._counting:
            self._over = self._over or why

    def _tell_all(self, trouble: RequestError) -> None:
        while True:
            try:
                self._sort(self._inbox.get_nowait())
            except queue.Empty:
                break
        for answer in [*self._open.values(), *self._waiting]:
            answer.deliver(trouble)
        self._open.clear()
        self._waiting.clear()
        with self._counting:
            self._counted.clear()


def _log(what: str, error: BaseException) -> None:
    # Never the message: it may hold what was asked.
    where = "".join(traceback.format_tb(error.__traceback__))
    sys.stderr.write(f"{what}: {type(error).__name__}\n{where}")
