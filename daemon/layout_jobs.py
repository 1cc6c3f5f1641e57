"""The paths in the directory of a job and of a run, each defined once."""

import os
from dataclasses import dataclass
from pathlib import Path

from daemon.core.workspace.file_names import copy_name

STEMS = {"main": "original", "valid": "holdout.original", "test": "exam.original"}
"""Names of dropped files in a job, without their suffix."""


@dataclass(frozen=True)
class JobLayout:
    """The files of one job directory."""

    folder: Path

    @property
    def job_file(self) -> Path:
        return self.folder / "job.json"

    @property
    def original(self) -> Path:
        """The file as dropped, never written to; its suffix is that of the dropped file."""
        return self._stored("original")

    @property
    def holdout_original(self) -> Path:
        """The user's own `x.valid.jsonl`, where one was dropped beside the file."""
        return self._stored("holdout.original")

    @property
    def exam_original(self) -> Path:
        """The user's own `x.test.jsonl`, where one was dropped beside the file."""
        return self._stored("exam.original")

    def named_as(self, part: str, name: str) -> Path:
        """Return the path for a dropped file of that name: `main`, or a part of its exam."""
        return self.folder / copy_name(STEMS[part], name)

    def _stored(self, stem: str) -> Path:
        """Return the file of that stem, whatever its suffix; by default `.jsonl`."""
        try:
            names = os.listdir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            names = []
        found = min((name for name in names if name.startswith(f"{stem}.")), default=None)
        return self.folder / (found or f"{stem}.jsonl")

    @property
    def own_settings(self) -> Path:
        """The user's own `x.settings.toml`, where one was dropped beside the file."""
        return self.folder / "settings.toml"

    @property
    def source(self) -> Path:
        """Where the file was copied from, if the inbox is on another volume."""
        return self.folder / "source.json"

    @property
    def train(self) -> Path:
        return self.folder / "train.jsonl"

    @property
    def holdout(self) -> Path:
        return self.folder / "holdout.jsonl"

    @property
    def rejected(self) -> Path:
        return self.folder / "rejected.jsonl"

    @property
    def train_fingerprints(self) -> Path:
        return self.folder / "train.fingerprints.npy"

    @property
    def holdout_fingerprints(self) -> Path:
        return self.folder / "holdout.fingerprints.npy"

    @property
    def families(self) -> Path:
        """The family of each row of the file, and whether it is trained, held out or withheld."""
        return self.folder / "families.npy"

    @property
    def intake_outputs(self) -> tuple[Path, ...]:
        """All files that the intake worker writes or reads, except the families."""
        return (
            self.report,
            self.report_page,
            self.report_picture,
            self.train,
            self.holdout,
            self.rejected,
            self.train_fingerprints,
            self.holdout_fingerprints,
            self.folder / "context.json",
        )

    @property
    def report(self) -> Path:
        """Written last by the intake worker: a job with a report has been read."""
        return self.folder / "report.json"

    @property
    def report_page(self) -> Path:
        """The report as a self-contained HTML page."""
        return self.folder / "report.html"

    @property
    def report_picture(self) -> Path:
        return self.folder / "report.png"


@dataclass(frozen=True)
class RunLayout:
    """The files of one run directory."""

    folder: Path

    @property
    def request(self) -> Path:
        """The supervisor's request: jobs, starting version, settings, seed."""
        return self.folder / "request.json"

    @property
    def attempts(self) -> Path:
        """Deaths without progress, counted by the supervisor."""
        return self.folder / "attempts.json"

    @property
    def frozen(self) -> Path:
        """`run.json`: every choice of the run, fixed by the trainer before the first step."""
        return self.folder / "run.json"

    @property
    def ladder(self) -> Path:
        """The fallbacks taken since memory ran out, each with the commit from which it applies."""
        return self.folder / "ladder.json"

    @property
    def stopped(self) -> Path:
        """Exists if an early stop ends the run at its best step."""
        return self.folder / "stopped.json"

    @property
    def samples(self) -> Path:
        """How many sample prompts each evaluation of the run uses."""
        return self.folder / "samples.json"

    @property
    def evolution(self) -> Path:
        """One line per answer to a probe; each commit records the length that belongs to it."""
        return self.folder / "evolution.jsonl"

    @property
    def metrics(self) -> Path:
        """One line per step; each commit records the length that belongs to it."""
        return self.folder / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def part(self) -> Path:
        """Finished passes of an interrupted step behind the newest commit."""
        return self.folder / "part"

    @property
    def merged(self) -> Path:
        """A point between start and end of the run, where that is judged."""
        return self.folder / "merged"

    @property
    def candidate(self) -> Path:
        """The result before its verdict; complete once it holds `draft.json`."""
        return self.folder / "candidate"

    @property
    def draft(self) -> Path:
        return self.candidate / "draft.json"

    @property
    def ended(self) -> Path:
        """Written by the trainer when a run ends without a candidate, with the reason."""
        return self.folder / "ended.json"
