"""Records usage and feedback for whoever operates the server, without delaying an answer.

Nothing is recorded unless `server.usage` is on, and no text unless `server.keep_examples` is. A
thread writes; where it cannot keep up or the disk is full, records are dropped and counted.
"""

import queue
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from daemon.clock import Clock
from daemon.core.records import JsonObject
from daemon.core.rows.examples import Chat, Turn, to_record
from daemon.folders import served
from daemon.layout import Layout
from daemon.serving.generation import refused
from daemon.settings_serving import ServerSettings

MOST_WAITING = 1000
MOST_REMEMBERED = 1000
"""Newest answers that feedback can be about."""

Line = tuple[served.File, JsonObject]


@dataclass(frozen=True)
class AnswerUsage:
    """What is recorded of one request's answers; no text is among it."""

    id: str
    """As the client knows it, without the prefix of its route."""
    model: str
    version: str
    client: str
    prompt_tokens: int
    tokens: int
    answers: int
    first_s: float | None
    seconds: float
    end: str


class UsageRecorder:
    """Remembers the newest answers, and hands records to the thread that writes them."""

    def __init__(
        self,
        layout: Layout,
        settings: ServerSettings,
        clock: Clock,
        append: Callable[[Layout, served.File, list[JsonObject]], None] = served.append,
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._append = append
        self._lines: queue.Queue[Line | None] = queue.Queue(MOST_WAITING)
        self._answers: OrderedDict[str, tuple[AnswerUsage, Sequence[Turn]]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self.dropped = 0
        """Records that were lost since the server began."""

    def answered(self, usage: AnswerUsage, turns: Sequence[Turn]) -> None:
        """Record a request whose answers have ended; called by the event loop."""
        if not self._settings.usage:
            return
        self._answers[usage.id] = usage, turns if self._settings.keep_examples else ()
        if len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)
        self._put("usage", _figures(usage))

    def feedback(self, answer: str, rating: str, better: str | None) -> None:
        """Record what a person thinks of an answer.

        Raises:
            RequestRefused: nothing is recorded here (403), or there is no such answer (404).
        """
        if not self._settings.usage:
            message = "this server records nothing: see server.usage in the settings"
            raise refused(403, "feedback_off", message)
        if better is not None and not self._settings.keep_examples:
            message = "better answers are not kept here: see server.keep_examples in the settings"
            raise refused(403, "examples_off", message, field="better")
        found = self._answers.get(answer.rpartition("-")[2].rpartition("_")[2])
        if found is None:
            message = f"id is not one of the newest {MOST_REMEMBERED} answers of this server"
            raise refused(404, "answer_not_found", message, field="id")
        usage, turns = found
        known = {name: _figures(usage)[name] for name in ("id", "model", "version", "client")}
        self._put("feedback", {**known, "rating": rating})
        if better is not None and turns:
            row = to_record(Chat((*turns, Turn("assistant", better))))
            self._put("examples", dict(row))

    def close(self, wait_s: float) -> None:
        """Write what waits, and stop."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(wait_s)

    def _put(self, file: served.File, record: JsonObject) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="usage", daemon=True)
            self._thread.start()
        if file != "examples":
            record = {"at": self._clock.now().isoformat(timespec="seconds"), **record}
        try:
            self._lines.put_nowait((file, record))
        except queue.Full:
            self.dropped += 1

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            file, record = line
            try:
                self._append(self._layout, file, [record])
            except OSError as error:
                if not self.dropped:
                    why = error.strerror or type(error).__name__
                    sys.stderr.write(f"served/ cannot be written ({why}): records are dropped\n")
                self.dropped += 1


def _figures(usage: AnswerUsage) -> JsonObject:
    return {
        "id": usage.id,
        "model": usage.model,
        "version": usage.version,
        "client": usage.client,
        "answers": usage.answers,
        "prompt_tokens": usage.prompt_tokens,
        "tokens": usage.tokens,
        "first_token_s": None if usage.first_s is None else round(usage.first_s, 3),
        "seconds": round(usage.seconds, 3),
        "end": usage.end,
    }
