"""When a run's progress is made durable, and how; knows nothing of what a step is."""

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
    """The checkpoints of one run; each is made once."""

    def __init__(self, context: TrainerContext, hand: CurrentRun) -> None:
        self._context = context
        self._hand = hand
        self._settings = hand.request.settings.checkpoint
        self._last = hand.state.step_in_run if hand.state.step_in_run else -1
        self._stop_s = hand.request.settings.trainer.stop_s
        self._tried_s = context.clock.monotonic_s()

    def has(self, state: RunState) -> bool:
        """Return whether the step of a state is durable."""
        return self._last == state.step_in_run

    def due(self, state: RunState) -> bool:
        """Return whether the settings ask for a commit now."""
        waited_s = self._context.clock.monotonic_s() - self._tried_s
        if self._stop_s < state.last_step_s:
            # Longer than a stop would wait: a kill in the next one must not cost this one too.
            return True
        by_steps = self._settings.steps and state.step_in_run % self._settings.steps == 0
        return bool(by_steps) or waited_s >= self._settings.seconds

    def commit(self, state: RunState, again: bool = False) -> RunState | None:
        """Make a state durable and return it as it is then.

        None where the disk has no room for it: it is tried again when due. `again` reports it also
        where it has been before.
        """
        self._tried_s = self._context.clock.monotonic_s()
        # The counters of the system run over: they are read as often as commits are made.
        self._context.energy.joules()
        fresh = not self.has(state)
        try:
            if fresh:
                self._ask_for_room()
                lines = map(asdict, state.unwritten)
                size = runs.append_metrics(self._hand.place, state.written, lines)
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

    def keep_part(self, state: RunState) -> None:
        """Keep the passes of an interrupted step, where there is room behind a durable commit."""
        engine = self._context.engine
        if not (engine.holds_part and self.has(state)):
            return
        try:
            self._ask_for_room()
            runs.keep_part(self._hand.place, state.step_in_run, engine.save_part)
        except Exception as error:
            if not is_disk_full(error):
                raise

    def _write_answers(self, state: RunState) -> RunState:
        known = state.evolution
        if not known.unwritten:
            return state
        lines = map(to_json_value, known.unwritten)
        size = runs.append_answers(self._hand.place, known.written, lines)
        return replace(state, evolution=replace(known, unwritten=(), written=size))

    def _ask_for_room(self) -> None:
        start = self._context.layout.version(self._hand.request.start_version)
        if not runs.has_room_for_commit(self._hand.place, start):
            # Nothing is written where it would only fill the disk for the others.
            raise OSError(errno.ENOSPC, "less than twice the size of the last checkpoint is free")

    def _write(self, state: RunState) -> None:
        epoch, batch = divmod(state.step_in_run, self._hand.data.plan.steps_of_epoch)
        cursor = Cursor(epoch, batch)

        def fill(folder: Path) -> None:
            self._context.engine.save(folder)
            _write_json(folder / COMMITTED_STATE, to_json_value(state.saved(cursor)))

        best = state.watch.best_step
        runs.commit(self._hand.place, state.step_in_run, fill, self._settings.keep, best)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
