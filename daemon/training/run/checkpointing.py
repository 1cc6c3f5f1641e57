"""Decides when a run is due a checkpoint, and writes it."""

import errno
import json
from dataclasses import asdict, replace
from pathlib import Path

from daemon.core import messages as say
from daemon.core.records import to_json_value
from daemon.core.training.run_state import Cursor
from daemon.errors import is_disk_full
from daemon.folders.runs import runs
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.records.state import COMMITTED_STATE, RunState


class Checkpointer:
    """The checkpoints of one run; each step is committed once."""

    def __init__(self, context: TrainerContext, current: CurrentRun) -> None:
        self._context = context
        self._current = current
        self._settings = current.request.settings.checkpoint
        self._last = current.state.step_in_run if current.state.step_in_run else -1
        self._stop_s = current.request.settings.trainer.stop_s
        self._tried_s = context.clock.monotonic_s()

    def has(self, state: RunState) -> bool:
        """Return whether the step of a state is durable."""
        return self._last == state.step_in_run

    def due(self, state: RunState) -> bool:
        """Return whether a commit is due by the settings."""
        waited_s = self._context.clock.monotonic_s() - self._tried_s
        if self._stop_s < state.last_step_s:
            # Steps take longer than a stop waits: a kill in the next one must not cost this one.
            return True
        by_steps = self._settings.steps and state.step_in_run % self._settings.steps == 0
        return bool(by_steps) or waited_s >= self._settings.seconds

    def commit(self, state: RunState, again: bool = False) -> RunState | None:
        """Make a state durable and return it, with its metrics marked as written.

        Returns None if the disk has no room; the next try is when a commit is due again. With
        `again` the commit is reported even if the step was committed before.
        """
        self._tried_s = self._context.clock.monotonic_s()
        # The system's energy counters wrap around, so they are read with every commit.
        self._context.energy.joules()
        fresh = not self.has(state)
        try:
            if fresh:
                self._require_room()
                lines = map(asdict, state.unwritten)
                size = runs.append_metrics(self._current.place, state.written, lines)
                state = replace(state, unwritten=(), written=size)
                state = self._write_answers(state)
                self._write(state)
        except Exception as error:
            if not is_disk_full(error):
                raise
            message = f"the progress of {state.run} cannot be saved: {error}"
            self._context.pipe.send(say.Alerted("disk_full", message))
            return None
        self._last = state.step_in_run
        if fresh or again:
            self._context.pipe.send(say.Committed(state.run, state.step, state.step_in_run))
        return state

    def save_part(self, state: RunState) -> None:
        """Save the finished passes of an interrupted step beside its durable commit, given room."""
        engine = self._context.engine
        if not (engine.holds_part and self.has(state)):
            return
        try:
            self._require_room()
            runs.keep_part(self._current.place, state.step_in_run, engine.save_part)
        except Exception as error:
            if not is_disk_full(error):
                raise

    def _write_answers(self, state: RunState) -> RunState:
        known = state.evolution
        if not known.unwritten:
            return state
        lines = map(to_json_value, known.unwritten)
        size = runs.append_answers(self._current.place, known.written, lines)
        return replace(state, evolution=replace(known, unwritten=(), written=size))

    def _require_room(self) -> None:
        start = self._context.layout.version(self._current.request.start_version)
        if not runs.has_room_for_commit(self._current.place, start):
            # Failing early leaves what room there is to the other writers.
            raise OSError(errno.ENOSPC, "less than twice the size of the last checkpoint is free")

    def _write(self, state: RunState) -> None:
        epoch, batch = divmod(state.step_in_run, self._current.data.plan.steps_of_epoch)
        cursor = Cursor(epoch, batch)

        def fill(folder: Path) -> None:
            self._context.engine.save(folder)
            _write_json(folder / COMMITTED_STATE, to_json_value(state.saved(cursor)))

        best = state.watch.best_step
        runs.commit(self._current.place, state.step_in_run, fill, self._settings.keep, best)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
