"""Does the run of a version again, from its frozen choices and its parent, and compares.

It is the same procedure as a run's own, in a directory of its own, commits and all. Nothing of the
queue, the versions or the link is touched.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon.core import messages as say
from daemon.core.evaluation import reproduction as core
from daemon.core.messages import Report
from daemon.core.records import JsonObject, from_json_value, to_json_value
from daemon.core.training.manifests import Manifest
from daemon.core.training.run_requests import RunRequest
from daemon.errors import ModelFault, RunFault
from daemon.folders.models import models
from daemon.folders.orders import orders, reproductions
from daemon.folders.runs import runs
from daemon.pipes import Pipe
from daemon.settings_records import read_saved
from daemon.training.context import CurrentRun, TrainerContext
from daemon.training.data.rows import JobRows
from daemon.training.mailbox import OrderMailbox
from daemon.training.orders.compare_files import compare_files, steps_of_version
from daemon.training.orders.preconditions import check, starting_folder
from daemon.training.orders.reproduction_report import page
from daemon.training.records.choices import Choices, Request
from daemon.training.records.provenance import made_by
from daemon.training.records.state import RunState
from daemon.training.run.loop import How, TrainingLoop
from daemon.training.run.opening import open_frozen

STARTS = 3
"""A stretch between two commits that was begun so often and never ended kills the trainer."""


class Relay(Pipe):
    """A run's line while it is done again: its steps are those of an order, and no new run's."""

    def __init__(self, pipe: Pipe, order: str) -> None:
        self._pipe = pipe
        self._order = order

    def send(self, report: Report) -> None:
        """Pass on what an order may say."""
        match report:
            case say.Stepped(_, metrics):
                self._pipe.send(say.UnitStepped(self._order, metrics.step_in_run))
            case say.Paused():
                self._pipe.send(say.Paused(self._order))
            case say.Alerted("disk_full", _) | say.Noted() | say.Alive():
                self._pipe.send(report)
            case say.Alerted(code, message):
                self._pipe.send(say.Noted(code, f"{self._order}: {message}"))
            case _:
                self._pipe.send(say.Alive("training again"))


class Reproducing:
    """One request about a reproduction; it is one piece, and goes on from its last commit."""

    def __init__(self, context: TrainerContext, order: str, mailbox: OrderMailbox) -> None:
        self._order = order
        self._context = replace(context, pipe=Relay(context.pipe, order))
        self._pipe = context.pipe
        self._mailbox = mailbox
        self._place = context.layout.reproduction(order)
        request = orders.read_request(self._place, core.ReproductionRequest)
        self._version = request.version
        self.settings = read_saved(request.settings).settings

    def go_on(self) -> None:
        """Train again and report how it came out."""
        result = orders.read_result(self._place)
        if result is not None:
            # The trainer died before it could be heard.
            self._pipe.send(say.OrderEnded(self._order, result["message"]))
        elif self._place.skip.exists():
            self._conclude("skipped", f"{self._version} was not trained again: ended on request")
        else:
            try:
                self._reproduce()
            except (ModelFault, RunFault) as fault:
                self._conclude("impossible", self._impossible(fault.message))

    def _impossible(self, why: str) -> str:
        return f"{self._version} cannot be trained again: {why}"

    def _reproduce(self) -> None:
        version = self._context.layout.version(self._version)
        manifest = models.read_manifest(version)
        frozen = self._frozen()
        request, choices = _parsed(frozen)
        rows = JobRows(self._context.layout)
        start = starting_folder(self._context.layout, request.start_version, manifest)
        check(self._context.layout, request, choices, rows)
        newest, _ = runs.newest_checkpoint(self._place.run)
        if orders.begin_unit(self._place, 1 + runs.step_of(newest)) >= STARTS:
            self._conclude("failed", f"the trainer died {STARTS} times on {self._version}")
            return
        how = self._train(request, choices, rows, start)
        if not self._context.parent_lives():
            # Another trainer may be at it already.
            self._mailbox.leaving = "stop"
            return
        orders.leave_unit(self._place)
        if how == "done":
            self._compare(version, manifest, frozen["settings"])
        elif how == "memory":
            self._conclude("failed", self._impossible("memory ran out"))
        elif how == "nothing_left":
            message = f"{self._version} came out otherwise: every row of it was put aside"
            self._conclude("different", message)
        elif how == "failed":
            message = f"{self._version} came out otherwise: its steps were not finite any more"
            self._conclude("different", message)

    def _frozen(self) -> JsonObject:
        """Return what the run was asked for, and what was frozen of it.

        Raises:
            RunFault: it is damaged.
        """
        try:
            frozen = runs.read_frozen(self._place.run)
        except ValueError as error:
            raise _unreadable(error) from error
        assert frozen is not None, "an order is made with the frozen choices or not at all"
        return frozen

    # --- the run ------------------------------------------------------------------------------

    def _train(self, request: Request, choices: Choices, rows: JobRows, start: Path) -> How:
        attempt = runs.begin_attempt(self._place.run)
        self._pipe.send(say.Alive("loading the base model"))
        doing = f"trains {request.run} of {self._version} again"
        self._pipe.send(say.UnitBegun(self._order, 1, 1, doing, choices.steps))
        while not self._mailbox.look():
            hand = self._open(request, choices, rows, start, attempt)
            if hand is None:
                return "memory"
            how = TrainingLoop(self._context, hand, self._mailbox).train()
            if how != "again":
                return how
        return "left"

    def _open(
        self, request: Request, choices: Choices, rows: JobRows, start: Path, attempt: int
    ) -> CurrentRun | None:
        """Return the run at its last commit; None where there is too little memory for it."""
        try:
            return open_frozen(
                self._context, self._place.run, request, choices, rows, start, attempt
            )
        except Exception as error:
            if self._context.engine.trouble(error) != "memory":
                raise
            return None

    # --- after --------------------------------------------------------------------------------

    def _compare(self, version: Path, manifest: Manifest, settings: JsonObject) -> None:
        newest, _ = runs.newest_checkpoint(self._place.run)
        assert newest is not None, "a run ends with a commit"
        self._pipe.send(say.Alive("comparing"))
        files = compare_files(version, newest, manifest)
        again = runs.read_metrics(self._place.run, RunState.read(newest, 0).written)
        steps = core.compare_steps(steps_of_version(version), again)
        now = made_by(self._context.engine.device)
        misfits = read_saved(settings).misfits
        lost = [one for one in misfits if one.why == "unknown"]
        changed = core.changes(manifest.provenance, now, {one.setting: one.saved for one in lost})
        message = core.sentence(self._version, files, steps, changed)
        found = core.record(files, steps, changed)
        found["settings"] = [to_json_value(one) for one in misfits]
        self._conclude(core.conclude(files, steps), message, found)

    def _conclude(
        self, outcome: core.Ending, message: str, found: dict[str, Any] | None = None
    ) -> None:
        result = {
            "schema_version": 1,
            "order": self._order,
            "version": self._version,
            "outcome": outcome,
            "message": message,
            "found": found,
        }
        reproductions.write_report(self._place, page(result))
        orders.end(self._place, result)
        if outcome != "different":
            reproductions.remove_run(self._place)
        self._pipe.send(say.OrderEnded(self._order, message))


def _parsed(frozen: JsonObject) -> tuple[Request, Choices]:
    """Return the request and the choices of a run.

    Raises:
        RunFault: they mean nothing to this release.
    """
    try:
        request = Request.of(from_json_value(frozen, RunRequest))
        return request, from_json_value(frozen, Choices)
    except ValueError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> RunFault:
    return RunFault("frozen_unreadable", f"its run.json cannot be read ({error!r})")
