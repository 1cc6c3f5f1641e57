"""Remembers runs and base models that the trainer refused, with the circumstances at the time.

Whether to try again is decided in core.
"""

import hashlib
import json
from collections.abc import Sequence

import psutil

from daemon.clock import Clock
from daemon.core import messages as say
from daemon.core.decisions.blocking import Circumstances, Refusal, after
from daemon.core.decisions.scheduling import DEATHS_SEEN
from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import JobCard
from daemon.folders.models import bases
from daemon.settings import Settings
from daemon.settings_records import read_saved, to_record
from daemon.supervisor.request import effective
from daemon.supervisor.workspace import Workspace


class Refusals:
    """At most one refusal of the current run and one of the base model."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self._workspace = workspace
        self._clock = clock
        self._run: Refusal | None = None
        self._base: Refusal | None = None
        self._base_deaths = 0
        self._died_over: str | None = None
        """The model during whose preparation the deaths occurred."""

    # --- what the trainer reports -------------------------------------------------------------

    def refuse_run(self, report: say.RunRefused) -> None:
        """Remember that the trainer cannot start a run."""
        if not self._workspace.runs.has(report.run):
            return
        # As this release reads them: a setting that is new in it is not an edit by the user.
        request = self._workspace.runs.request(report.run)
        saved = read_saved(request.settings).settings.with_rate(request.base.width)
        tried_with = _digest(to_record(saved))
        under = self._now(self._of_running())
        fresh = Refusal(report.run, report.code, report.message, report.passing, under, tried_with)
        self._run = after(self._run, fresh)

    def forget_run(self, run: str) -> None:
        """Clear the refusal of a run that has started."""
        if self._run is not None and self._run.of == run:
            self._run = None

    def refuse_base(self, model: str, code: str, message: str, passing: bool) -> None:
        """Remember that the trainer cannot prepare a base model."""
        under = self._now(self._workspace.settings.now)
        self._base = after(self._base, Refusal(model, code, message, passing, under))

    def count_base_death(self, how: str) -> None:
        """Count a crash of the trainer while it prepared the base; too many make a refusal."""
        model = self._workspace.settings.now.model
        self._base_deaths = self._base_deaths + 1 if model == self._died_over else 1
        self._died_over = model
        if self._base_deaths >= DEATHS_SEEN:
            message = (
                f"the base model could not be prepared: the trainer died {self._base_deaths} times "
                f"({how}); see logs/daemon.jsonl"
            )
            self.refuse_base(model, "trainer_died", message, True)

    def forget_base(self) -> None:
        """Clear the refusal of the base: it is ready."""
        self._base, self._base_deaths = None, 0

    def forget_other_models(self, model: str) -> None:
        """Drop the refusal of a base that is not configured any more."""
        self._base = self.of_base(model)

    # --- for the snapshot ---------------------------------------------------------------------

    def of_run(self, run: str | None) -> Refusal | None:
        """Return the refusal of a run; None if the last one was of another."""
        return self._run if self._run is not None and self._run.of == run else None

    def of_base(self, model: str) -> Refusal | None:
        """Return the refusal of a model; None if the last one was of another."""
        return self._base if self._base is not None and self._base.of == model else None

    def circumstances_of_run(self) -> Circumstances:
        """Return the circumstances under which the run would be tried now."""
        return self._now(self._of_running()) if self._run is not None else Circumstances()

    def circumstances_of_base(self) -> Circumstances:
        """Return the circumstances under which the base would be tried now."""
        return (
            self._now(self._workspace.settings.now) if self._base is not None else Circumstances()
        )

    def _now(self, settings: Settings) -> Circumstances:
        free_bytes = psutil.virtual_memory().available
        digest = _digest(to_record(settings))
        return Circumstances(digest, free_bytes, self._clock.monotonic_s())

    def _of_running(self) -> Settings:
        cards: Sequence[JobCard] = self._workspace.queue.cards("running")
        own = cards[0].own_settings if cards else ""
        settings = effective(self._workspace.settings.now, own)
        # The request of a run has the rate that was chosen for it.
        facts = bases.read_facts(self._workspace.layout, settings.model)
        return settings.with_rate(None if facts is None else facts.width)


def _digest(settings: JsonObject) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
