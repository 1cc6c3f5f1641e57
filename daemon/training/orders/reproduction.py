"""A reproduction: trains a version again from its frozen choices and its parent, and compares.

It is an ordinary run with checkpoints, in a directory of its own. It leaves the queue, the
versions and `current_model` alone.
"""

from dataclasses import replace
from pathlib import Path

from daemon.core import messages as say
from daemon.core.evaluation import reproduction as core
from daemon.core.evaluation.results import OrderResult, ReproductionResult
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
from daemon.training.context import TrainerContext
from daemon.training.data.rows import JobRows
from daemon.training.judging.merging import merged
from daemon.training.orders.compare_files import compare_files, steps_of_version
from daemon.training.orders.preconditions import check, starting_folder
from daemon.training.orders.reproduction_report import page
from daemon.training.orders.runner import (
    OUT_OF_MEMORY,
    Attendance,
    Cause,
    OrderEnd,
    OrderUnit,
)
from daemon.training.records.choices import Choices, Request
from daemon.training.records.provenance import made_by
from daemon.training.records.state import RunState
from daemon.training.run.loop import How, TrainingLoop
from daemon.training.run.opening import open_frozen


class Relay(Pipe):
    """The pipe of a reproduced run: reports its steps as steps of the order."""

    def __init__(self, pipe: Pipe, order: str) -> None:
        self._pipe = pipe
        self._order = order

    def send(self, report: Report) -> None:
        """Pass a report on in the form that orders use."""
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


class ReproductionWork:
    """The whole run is one unit, which resumes from its last checkpoint."""

    def __init__(self, context: TrainerContext, order: str, attendance: Attendance) -> None:
        self._order = order
        self._context = replace(context, pipe=Relay(context.pipe, order))
        self._pipe = context.pipe
        self._mailbox = attendance.mailbox
        self._place = context.layout.reproduction(order)
        request = orders.read_request(self._place, core.ReproductionRequest)
        self._version = request.version
        self.skipped = f"{self._version} was not trained again: ended on request"
        self.settings = read_saved(request.settings).settings

    def next_unit(self) -> OrderUnit | OrderEnd:
        """Return the rest of the run, unless what it needs is gone or changed."""
        version = self._context.layout.version(self._version)
        manifest = models.read_manifest(version)
        try:
            frozen = self._frozen()
            request, choices = _parsed(frozen)
            saved = from_json_value(frozen, RunRequest).settings
            rows = JobRows(self._context.layout)
            start = starting_folder(self._context.layout, request.start_version, manifest)
            check(self._context.layout, request, choices, rows)
        except (ModelFault, RunFault) as fault:
            return self._fail("fault", fault.message)
        newest, _ = runs.newest_checkpoint(self._place.run)
        doing = f"trains {request.run} of {self._version} again"

        def do() -> OrderEnd | None:
            how = self._train(request, choices, rows, start)
            if how == "done":
                return self._compare(version, manifest, start, saved)
            return self._how_it_failed(how)

        return OrderUnit(1, 1, doing, choices.steps, do, self._fail, 1 + runs.step_of(newest))

    def clean_up(self, result: OrderResult) -> None:
        """Remove the repeated run, unless it came out differently: then it is evidence."""
        if result["outcome"] != "different":
            reproductions.remove_run(self._place)

    def _fail(self, cause: Cause, why: str) -> OrderEnd:
        outcome: core.Ending = "impossible" if cause == "fault" else "failed"
        return OrderEnd(outcome, f"{self._version} cannot be trained again: {why}")

    def _how_it_failed(self, how: How) -> OrderEnd | None:
        match how:
            case "memory":
                return self._fail("memory", OUT_OF_MEMORY)
            case "nothing_left":
                why = "every row was skipped"
            case "failed":
                why = "its steps were no longer finite"
            case _:
                return None
        return OrderEnd("different", f"{self._version} came out differently: {why}")

    def _frozen(self) -> JsonObject:
        """Return the original run's request and frozen choices.

        Raises:
            RunFault: it is damaged.
        """
        try:
            frozen = runs.read_frozen(self._place.run)
        except ValueError as error:
            raise _unreadable(error) from error
        assert frozen is not None, "an order without frozen choices is never created"
        return frozen

    # --- the run ------------------------------------------------------------------------------

    def _train(self, request: Request, choices: Choices, rows: JobRows, start: Path) -> How:
        attempt = runs.begin_attempt(self._place.run)
        self._pipe.send(say.Alive("loading the base model"))
        while not self._mailbox.poll():
            current = open_frozen(
                self._context, self._place.run, request, choices, rows, start, attempt
            )
            how = TrainingLoop(self._context, current, self._mailbox).train()
            if how != "again":
                return how
        return "left"

    # --- after --------------------------------------------------------------------------------

    def _merged(self, newest: Path, start: Path, manifest: Manifest) -> Path:
        """Return the end of the run, or the point before it that its version has."""
        share = 1.0 if manifest.merge is None else manifest.merge.share
        return merged(self._place.run, start, newest, share)

    def _compare(
        self, version: Path, manifest: Manifest, start: Path, settings: JsonObject
    ) -> OrderEnd:
        newest, _ = runs.newest_checkpoint(self._place.run)
        assert newest is not None, "a run ends with a commit"
        self._pipe.send(say.Alive("comparing"))
        files = compare_files(version, self._merged(newest, start, manifest), newest, manifest)
        again = runs.read_metrics(self._place.run, RunState.read(newest, 0).written)
        steps = core.compare_steps(steps_of_version(version), again)
        now = made_by(self._context.engine.device)
        misfits = read_saved(settings).misfits
        lost = [one for one in misfits if one.why == "unknown"]
        changed = core.changes(manifest.provenance, now, {one.setting: one.saved for one in lost})
        message = core.sentence(self._version, files, steps, changed)
        found = core.record(files, steps, changed)
        found["settings"] = [to_json_value(one) for one in misfits]
        return OrderEnd(core.conclude(files, steps), message, found)

    def finish(self, end: OrderEnd) -> ReproductionResult:
        """Write the report."""
        result: ReproductionResult = {
            "schema_version": 1,
            "order": self._order,
            "version": self._version,
            "outcome": end.outcome,
            "message": end.message,
            "found": end.found,
        }
        orders.write_reports(self._place, {self._place.report.name: page(result)})
        return result


def _parsed(frozen: JsonObject) -> tuple[Request, Choices]:
    """Return the request and the choices of a run.

    Raises:
        RunFault: this release cannot read them.
    """
    try:
        request = Request.of(from_json_value(frozen, RunRequest))
        return request, from_json_value(frozen, Choices)
    except ValueError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> RunFault:
    return RunFault("frozen_unreadable", f"its run.json cannot be read ({error!r})")
