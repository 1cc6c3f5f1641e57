"""Reads a workspace into the sections of the dashboard."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from daemon.clock import Clock
from daemon.core.decisions.pulse import pulse_of
from daemon.core.records import JsonObject
from daemon.core.status.shown import ShownStatus
from daemon.core.workspace.jobs import escape
from daemon.folders.disk import locks
from daemon.folders.status.reading import Lines, read_status
from daemon.layout import QUEUE_STATES, Layout
from daemon.serving.dashboard.jobs import queue_section
from daemon.serving.dashboard.models import (
    KnownVersion,
    evolution_section,
    samples_section,
    versions_section,
)
from daemon.serving.dashboard.section_cache import Section, SectionCache, signature_of
from daemon.serving.dashboard.words import headline

POINTS = 2000
"""Steps shown in the charts."""
EVENTS = 50
VALIDATIONS = 500
BACK_BYTES = 4 * 2**20
"""How much of `metrics.jsonl` is read at the start: about as many steps as are shown."""
TRUST_S = 10.0
"""A listing is read again after so long even if its folder seems unchanged."""

SMALL = (
    "status",
    "model_name",
    "version",
    "lineage",
    "current_step",
    "total_steps",
    "epoch",
    "current_file",
    "current_files",
    "run",
    "attempt",
    "batch_step",
    "batch_total_steps",
    "batch_queue_size",
    "started_at",
    "elapsed_seconds",
    "progress_percent",
    "eta_seconds",
    "loss",
    "loss_of",
    "learning_rate",
    "validation_loss",
    "validation_step",
    "val_train_gap",
    "tokens_per_sec",
    "steps_per_sec",
    "order",
    "queue",
)
MACHINE = ("memory", "disk", "gpu", "watcher", "workers")
ACCURACY = (
    "total_evals",
    "total_correct",
    "accuracy_percent",
    "accuracy_last_20",
    "accuracy_last_50",
    "best_accuracy",
    "best_step",
    "accuracy_files",
    "accuracy_trend",
    "accuracy_history",
    "newest_measurement",
    "accuracy_by_file",
)
NOTICES = ("active_alerts", "error_type", "error_message", "leftovers", "commands")


class Reader:
    """Reads one workspace repeatedly; used by one thread at a time."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self._metrics = Lines(layout.metrics_file, BACK_BYTES)
        self._event_lines = Lines(layout.events_file, BACK_BYTES)
        self._events: deque[JsonObject] = deque(maxlen=EVENTS)
        self._validations: deque[list[object]] = deque(maxlen=VALIDATIONS)
        self._document: ShownStatus | None = None
        self._caches = {
            name: SectionCache()
            for name in ("document", "queue", "versions", "evolution", "samples")
        }
        self._jobs: dict[str, JsonObject] = {}
        self._known_versions: dict[str, KnownVersion] = {}
        self.points: deque[list[object]] = deque(maxlen=POINTS)
        """[step, loss, learning rate, tokens per second, run] of each step, oldest first."""
        self.points_read = 0
        """How many points were read so far, including those dropped from `points`."""

    def read(self) -> dict[str, Section]:
        """Return the sections as they are now, by name; an unchanged one may be the same object."""
        self._follow()
        layout = self._layout
        self._caches["document"].get(signature_of(layout.status_file), self._read_document)
        document = self._document or {}
        return {
            # First: `now` says to which step the last validation belongs.
            "validations": {"validations": list(self._validations)},
            "now": self._now(),
            "machine": {name: document.get(name) for name in MACHINE},
            "accuracy": {name: document.get(name) for name in ACCURACY},
            "notices": {name: document.get(name) for name in NOTICES},
            "samples": self._samples(document),
            "queue": self._queue(),
            "versions": self._versions(),
            "evolution": self._evolution(document),
            "events": {"events": list(self._events)},
        }

    def _read_document(self) -> Section:
        # A torn or briefly missing file changes nothing: the last document stays.
        self._document = read_status(self._layout) or self._document
        return {}

    def _now(self) -> Section:
        layout, document = self._layout, self._document
        holder = locks.holder(layout.workspace_lock)
        pid = None if holder is None else holder.pid
        pulse = pulse_of(pid, document, self._clock.now(), str(layout.root))
        facts = {name: (document or {}).get(name) for name in SMALL}
        reported_at = None if pulse.problem is None else (document or {}).get("timestamp")
        return {
            "root": escape(str(layout.root)),
            "headline": asdict(headline(document, pulse)),
            "told_at": reported_at,
            **facts,
        }

    def _samples(self, document: ShownStatus) -> Section:
        signature = document.get("eval_samples")
        return self._caches["samples"].get(signature, lambda: samples_section(document))

    def _queue(self) -> Section:
        folders = signature_of(*(self._layout.queue / state for state in QUEUE_STATES))
        signature = (folders, self._trust_period())
        return self._caches["queue"].get(signature, lambda: queue_section(self._layout, self._jobs))

    def _versions(self) -> Section:
        layout = self._layout
        signature = (
            signature_of(layout.versions, layout.root, layout.current_model),
            self._trust_period(),
        )
        return self._caches["versions"].get(
            signature, lambda: versions_section(layout, self._known_versions)
        )

    def _evolution(self, document: ShownStatus) -> Section:
        run, version = _name(document.get("run"), "r"), _name(document.get("version"), "v")
        running = self._layout.run(run).evolution if run else None
        if running is None or not running.is_file():
            run = None
        else:
            version = None
        path = self._layout.version(version) / "evolution.jsonl" if version else running
        signature = (run, version, signature_of(path) if path else None)
        return self._caches["evolution"].get(
            signature, lambda: evolution_section(self._layout, run, version)
        )

    def _trust_period(self) -> int:
        return int(self._clock.monotonic_s() // TRUST_S)

    def _follow(self) -> None:
        for line in self._metrics.new():
            self.points.append(_point(line))
            self.points_read += 1
        self._record(self._event_lines.new())

    def _record(self, events: Iterable[Mapping[str, object]]) -> None:
        for event in events:
            kind = event.get("event")
            shown = {name: event.get(name) for name in ("time", "event", "message")}
            self._events.append(shown)
            if kind == "evaluated" and event.get("validation_loss") is not None:
                found = [event.get("step"), event["validation_loss"], event.get("run")]
                self._validations.append(found)


def _point(line: JsonObject) -> list[object]:
    tokens, seconds = line.get("tokens"), line.get("seconds")
    speed = None
    if isinstance(tokens, int) and isinstance(seconds, int | float) and tokens and seconds > 0:
        speed = round(tokens / seconds, 1)
    return [line.get("step"), line.get("loss"), line.get("learning_rate"), speed, line.get("run")]


def _name(value: object, letter: str) -> str | None:
    """Return a name of the status document if it has the form of one; it becomes a path."""
    fits = isinstance(value, str) and value[:1] == letter and value[1:].isdecimal()
    return str(value) if fits else None
