"""Keeps what the trainer refused until it begins; whether to try again is decided in core."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import psutil

from daemon.core import messages as say
from daemon.core.decisions.blocking import Circumstances, Refusal, after
from daemon.core.decisions.scheduling import DEATHS_SEEN
from daemon.core.workspace.jobs import JobCard
from daemon.settings import Settings
from daemon.settings_records import read_saved, to_record
from daemon.supervisor.parts import Parts
from daemon.supervisor.request import effective


class Refusals:
    """At most one of the run in progress and one of the base model."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._run: Refusal | None = None
        self._base: Refusal | None = None
        self._base_deaths = 0

    # --- what the trainer reports -------------------------------------------------------------

    def refuse_run(self, report: say.RunRefused) -> None:
        """Remember that the trainer cannot begin a run."""
        if not self._parts.runs.has(report.run):
            return
        # As this release reads them: a setting that is new to it is no edit by the user.
        saved = read_saved(self._parts.runs.request(report.run).settings).settings
        tried_with = _digest(to_record(saved))
        under = self._now(self._of_running())
        fresh = Refusal(report.run, report.code, report.message, report.passing, under, tried_with)
        self._run = after(self._run, fresh)

    def begun(self, run: str) -> None:
        """Forget the refusal of a run: it has begun."""
        if self._run is not None and self._run.of == run:
            self._run = None

    def refuse_base(self, model: str, code: str, message: str, passing: bool) -> None:
        """Remember that the trainer cannot make a base model ready."""
        under = self._now(self._parts.settings.now)
        self._base = after(self._base, Refusal(model, code, message, passing, under))

    def base_killed(self, how: str) -> None:
        """Count a death of the trainer while it prepared the base; too many are a refusal."""
        self._base_deaths += 1
        if self._base_deaths >= DEATHS_SEEN:
            message = (
                f"the base model could not be prepared: the trainer died {self._base_deaths} times "
                f"({how}); see logs/daemon.jsonl"
            )
            self.refuse_base(self._parts.settings.now.model, "trainer_died", message, True)

    def prepared(self) -> None:
        """Forget the refusal of the base: it is ready."""
        self._base, self._base_deaths = None, 0

    # --- what a look is told ------------------------------------------------------------------

    def of_run(self, run: str | None) -> Refusal | None:
        """Return the refusal of the run in progress; one of an earlier run is over."""
        if self._run is not None and self._run.of != run:
            self._run = None
        return self._run

    def of_base(self, model: str) -> Refusal | None:
        """Return the refusal of the configured model; one of an earlier model is over."""
        if self._base is not None and self._base.of != model:
            self.prepared()
        return self._base

    def circumstances_of_run(self) -> Circumstances:
        """Return what the run would be tried under now."""
        return self._now(self._of_running()) if self._run is not None else Circumstances()

    def circumstances_of_base(self) -> Circumstances:
        """Return what the base would be tried under now."""
        return self._now(self._parts.settings.now) if self._base is not None else Circumstances()

    def _now(self, settings: Settings) -> Circumstances:
        free_bytes = psutil.virtual_memory().available
        digest = _digest(to_record(settings))
        return Circumstances(digest, free_bytes, self._parts.clock.monotonic_s())

    def _of_running(self) -> Settings:
        cards: Sequence[JobCard] = self._parts.queue.cards("running")
        return effective(self._parts.settings.now, cards[0].own_settings if cards else "")


def _digest(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
