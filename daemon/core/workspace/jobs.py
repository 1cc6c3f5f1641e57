"""Jobs: the job card, and a job in each of its states with exactly the data that exists there.

Where a job is and how it ended are separate: the folder says the first, `Outcome` the second.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Literal
from unicodedata import category

import msgspec

from daemon.core.records import JsonObject, NewerRecord, RecordError, from_json_value, to_json_value
from daemon.core.rows.prefix import NONE
from daemon.core.workspace.file_names import stem_of

Priority = Literal["high", "normal", "low"]
Verdict = Literal["accepted", "refused", "nothing_new", "changed"]
Outcome = Literal[
    "trained",
    "not_promoted",
    "nothing_new",
    "nothing_left",
    "refused",
    "crashed",
    "failed",
    "skipped",
]
"""`not_promoted`: trained, but the version is not used; `nothing_new`: every row was trained
before; `nothing_left`: none of the new rows could be trained, so none counts as seen."""
SCHEMA = 1
ORDER: dict[Priority, int] = {"high": 0, "normal": 1, "low": 2}

STATE_OF_OUTCOME: dict[Outcome, str] = {
    "trained": "done",
    "not_promoted": "done",
    "nothing_new": "done",
    "nothing_left": "done",
    "skipped": "skipped",
    "refused": "failed",
    "crashed": "failed",
    "failed": "failed",
}
"""The folders of ended jobs."""


def ending_of(outcome: Outcome, reason: str) -> str:
    """Describe how a job ended; one whose version is not used is never called trained."""
    state = STATE_OF_OUTCOME[outcome]
    return f"{state} ({reason})" if outcome == "not_promoted" else f"{state} ({outcome}): {reason}"


@dataclass(frozen=True)
class Intake:
    """The findings of intake that decisions need."""

    verdict: Verdict
    code: str
    message: str
    train_rows: int
    holdout_rows: int
    tokenizer: str
    template: str
    prefix: str = NONE
    """Fingerprint of the prefix its tokens were counted with."""
    plain_form: str | None = None
    """The plain form of what the template leaves out."""
    read_bytes: int = 0
    """Size of the file when it was read; 0 if not recorded, or not JSON lines."""
    read_as: str = ""
    """Identity and last change of the file that was read; empty if not recorded."""
    tail: str = ""
    """Checksum of its last bytes, where it is JSON lines."""


@dataclass(frozen=True)
class JobCard:
    """What every job has from its creation on; the content of `job.json`."""

    job: str
    arrival: int
    priority: Priority
    name: str
    """As it was dropped; bytes that are not UTF-8 are surrogate escapes."""
    claimed_at: str
    size_bytes: int = 0
    """Size of the dropped file; 0 if not recorded."""
    intake_deaths: int = 0
    """Deaths of the intake worker on this job that the supervisor saw."""
    intake_starts: int = 0
    """How often it was given to the intake worker, which may not have begun to read it."""
    alone: bool = False
    """Never gathered with others again, after a run of several jobs crashed."""
    own_settings: str = ""
    """The job's own settings as TOML; only jobs with equal ones are gathered."""
    outcome: Outcome | None = None
    reason: str = ""
    version: str | None = None
    ended_at: str | None = None
    """When it moved to `done/`, `failed/` or `skipped/`, UTC."""
    intake: Intake | None = None
    seal: str = ""
    """Sizes and times of its files after intake; empty if not recorded."""
    passed_on: int = 0
    """Bytes of the file that are part of this job or of jobs made from later writes to it; 0 where
    nothing was written later."""
    passed_as: str = ""
    """Identity of the file when later writes were made into jobs; empty if there were none."""

    unknown: JsonObject = field(default_factory=dict, compare=False, repr=False)
    """Keys that a newer release wrote into `job.json`; they are written back."""

    @cached_property
    def order(self) -> tuple[int, int]:
        """The place in the queue: priority first, then arrival."""
        return (ORDER[self.priority], self.arrival)


def arrival_of(job: str) -> int:
    """Return the arrival number at the start of a job's name; -1 where it has none."""
    number = job.partition("-")[0]
    return int(number) if number.isdecimal() else -1


def card_to_record(card: JobCard) -> JsonObject:
    """Return the content of `job.json`; the name is stored as bytes in hex too."""
    known: JsonObject = to_json_value(card)
    known.pop("unknown", None)
    later = card.unknown
    name_bytes = card.name.encode("utf-8", "surrogateescape").hex()
    places = dict.fromkeys(("job", "arrival", "priority", "name"))
    first = {"schema_version": SCHEMA, **places, "name_bytes": name_bytes}
    return first | known | {"name": escape(card.name)} | later


def card_from_record(record: JsonObject) -> JobCard:
    """Return the card of a `job.json`.

    Raises:
        RecordError: not a card.
        NewerRecord: a later release wrote it.
    """
    if not isinstance(record, dict):
        raise RecordError("job.json is not a JSON object")
    schema = record.get("schema_version")
    if isinstance(schema, int) and schema > SCHEMA:
        raise NewerRecord(f"job.json of {record.get('job')}", schema, SCHEMA, "job_newer")
    form = from_json_value(record, _Form)
    name = bytes.fromhex(form.name_bytes).decode("utf-8", "surrogateescape")
    later = {key: value for key, value in record.items() if key not in _KEYS}
    return from_json_value(record | {"name": name, "unknown": later}, JobCard)


class _Form(msgspec.Struct):
    """The keys of `job.json` beside the card."""

    schema_version: int
    name_bytes: str


_KEYS = frozenset({*_Form.__struct_fields__, *(known.name for known in fields(JobCard))})


def escape(text: str, limit: int = 200) -> str:
    """Return untrusted text made safe to print: one line, no control characters, bounded."""
    safe = "".join(
        char
        if (char.isprintable() and not _is_bidi(char)) or _joins_emoji(text, at)
        else f"\\u{ord(char):04x}"
        for at, char in enumerate(text[:limit])
    )
    return safe if len(text) <= limit else safe + "…"


def one_line(text: str, limit: int = 400) -> str:
    """Return untrusted text made safe to print, with a mark at each line end."""
    return escape(text.replace("\r\n", "\n").replace("\n", " \u23ce ").replace("\t", " "), limit)


def _is_bidi(char: str) -> bool:
    return "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"


def _joins_emoji(text: str, at: int) -> bool:
    """Return whether a zero-width joiner makes one emoji of two, as in a family or a profession."""
    if text[at] != "\u200d" or not 0 < at < len(text) - 1:
        return False
    before, after = text[at - 1], text[at + 1]
    return (before == "\ufe0f" or category(before) in ("So", "Sk")) and category(after) == "So"


def slug(name: str) -> str:
    """Return a part for a directory name: lower-case ASCII, digits and dashes, 40 at most."""
    stem = stem_of(name)
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in stem.lower())
    return "-".join(part for part in kept.split("-") if part)[:40].strip("-") or "file"


@dataclass(frozen=True)
class Incoming:
    """A claimed job; its report is None until the intake worker has written it."""

    card: JobCard
    report: Intake | None
    readings: int = 0
    """How often the worker began to read its file and did not finish."""


@dataclass(frozen=True)
class Queued:
    """An accepted job that waits for a run."""

    card: JobCard
    intake: Intake
    prefix: str = NONE
    """Fingerprint of the prefix that the settings choose for it now."""
    plain_form: str | None = None
    """The plain form that the settings choose now."""
    edited: bool = False
    """Its files changed since intake; checked for the next jobs to train."""


@dataclass(frozen=True)
class Running:
    """A job of the current run."""

    card: JobCard
    edited: bool = False
    """The size of its rows changed since intake."""
