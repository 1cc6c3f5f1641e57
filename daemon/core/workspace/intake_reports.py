"""The report of a job's intake, `report.json`, as the rest of the daemon reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from daemon.core.records import Record
from daemon.core.rows.prefix import NONE, Prefix
from daemon.core.workspace.jobs import Intake, Verdict


class ExampleLine(msgspec.Struct, frozen=True):
    """Where an example of a reason is in the file."""

    line: int


class ReportedReason(msgspec.Struct, frozen=True):
    """A reason why rows were refused, with examples."""

    code: str
    count: int
    hint: str
    examples: tuple[ExampleLine, ...] = ()


class ReportedReading(msgspec.Struct, frozen=True):
    """How many rows were read in each form."""

    taken: Mapping[str, int] = {}


class Corrections(msgspec.Struct, frozen=True):
    """The note where a file contradicts much of an earlier one."""

    alert: str = ""


class Fingerprints(msgspec.Struct, frozen=True):
    """Fingerprints of what a job's tokens were counted with."""

    tokenizer: str = ""
    template: str = ""
    prefix: str = NONE
    plain_form: str | None = None


class FileForm(msgspec.Struct, frozen=True):
    """Whether the dropped file is JSON lines; the oldest reports do not say, then it is."""

    plain: bool = True
    tail: str = ""
    cut_off: str = ""
    """Where it ends too early, as in "in the middle of row 7"; empty if it is whole."""
    own_names: tuple[str, ...] = ()
    """The user's names of keys it was read with."""


@dataclass(frozen=True, kw_only=True)
class IntakeReport(Record):
    """The content of `report.json`: what became of every row of a job's file."""

    verdict: Verdict
    code: str = ""
    message: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Row counts by what became of them."""
    reading: ReportedReading = field(default_factory=ReportedReading)
    reasons: tuple[ReportedReason, ...] = ()
    warnings: tuple[str, ...] = ()
    corrections: Corrections = field(default_factory=Corrections)
    fingerprints: Fingerprints = field(default_factory=Fingerprints)
    prefix: Prefix | None = None
    file: FileForm = field(default_factory=FileForm)
    bytes: int = 0
    read_as: str = ""

    @property
    def intake(self) -> Intake:
        """What the decisions need of it."""
        return Intake(
            verdict=self.verdict,
            code=self.code,
            message=self.message,
            train_rows=self.rows.get("train", 0),
            holdout_rows=self.rows.get("holdout", 0),
            tokenizer=self.fingerprints.tokenizer,
            template=self.fingerprints.template,
            prefix=self.fingerprints.prefix,
            plain_form=self.fingerprints.plain_form,
            # Only to files of JSON lines can something be added that becomes a file of its own.
            read_bytes=self.bytes if self.file.plain else 0,
            read_as=self.read_as,
            tail=self.file.tail,
        )
