"""A run's request and its frozen choices as values; knows how they are written, not where."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from daemon.core.records import fields_of
from daemon.core.rows.prefix import Prefix
from daemon.core.training.fallback import Fallback
from daemon.core.training.memory_plan import MemoryPlan
from daemon.core.training.row_layout import RowLayout
from daemon.core.workspace.untrained import Untrained, from_records
from daemon.core.workspace.versions import AdapterSpec
from daemon.settings import Settings
from daemon.settings_records import usable_settings

RowId = tuple[str, int]
"""A job and the number of a row in it."""


@dataclass(frozen=True)
class Request:
    """What the supervisor asks for."""

    run: str
    start_version: str
    proven_version: str
    jobs: tuple[str, ...]
    lineage_jobs: tuple[str, ...]
    holdout_jobs: tuple[str, ...]
    settings: Settings
    base: Mapping[str, Any]
    step: int
    """Optimizer steps since the base model, as the run begins."""
    seed: int
    untrained: Mapping[str, Untrained] = field(default_factory=dict)
    """By job of the lineage: what was left out of it or put aside when it was trained."""
    spoiled: Mapping[str, Untrained] = field(default_factory=dict)
    """By job: what had to be put aside when it was replayed in a later run."""
    retry: Mapping[str, Any] | None = None
    """Of a run that tries the jobs of another again: its number, its rate and replay, and the
    tries before it; None for the first."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the request that `request.json` holds.

        Raises:
            SavedSettingsFault: its settings mean nothing to this release.
        """
        return cls(
            run=record["run"],
            start_version=record["start_version"],
            proven_version=record["proven_version"],
            jobs=tuple(record["jobs"]),
            lineage_jobs=tuple(record["lineage_jobs"]),
            holdout_jobs=tuple(record["holdout_jobs"]),
            settings=usable_settings(record["settings"]),
            base=record["base"],
            step=record["step"],
            seed=record["seed"],
            # Requests of earlier releases have none.
            untrained=from_records(record.get("untrained_rows", {})),
            spoiled=from_records(record.get("spoiled_rows", {})),
            retry=record.get("try"),
        )

    @property
    def rate_share(self) -> float:
        """The factor of the learning rate from the first step on."""
        return 1.0 if self.retry is None else float(self.retry["rate_share"])

    @property
    def adapter(self) -> AdapterSpec:
        """The adapter the settings ask for."""
        training = self.settings.training
        return AdapterSpec(
            kind=training.kind,
            rank=training.rank,
            scale=training.effective_scale,
            dropout=training.dropout,
            num_layers=training.num_layers,
            keys=training.keys,
        )


@dataclass(frozen=True)
class Choices:
    """What the trainer fixed before the first step; every attempt uses it and nothing else."""

    attempt_0_at: str
    libraries: Mapping[str, str]
    examples: tuple[tuple[int, int], ...]
    """(place of the job in the request, row), in the order before shuffling."""
    dropped: Mapping[str, tuple[Mapping[str, Any], ...]]
    replay: tuple[RowId, ...]
    """Rows of earlier runs, in the order in which they are drawn."""
    replay_share: float
    """The share of them that was aimed at; earlier files may have had too few rows, or none."""
    tune: tuple[RowId, ...]
    """The rows of the validation loss: measured all, or not at all."""
    judge: tuple[RowId, ...]
    earlier: tuple[RowId, ...]
    samples: tuple[RowId, ...]
    steps: int
    data_fingerprint: str
    row_tokens: int
    """Tokens of a packed row."""
    longest: int
    """Tokens of the longest row."""
    rung: Fallback
    """How steps are computed from the beginning."""
    estimate: Mapping[str, int] | None
    """Bytes a step was expected to take, by kind."""
    prefixes: Mapping[str, Prefix]
    """By job: what stands before its rows. Jobs without a prefix are left out."""
    plain_forms: Mapping[str, str] = field(default_factory=dict)
    """By job: how is written in its rows what the template leaves out; those without are absent."""
    row_layout: RowLayout = "packed"
    """Whether texts share rows; they did in runs from before it was chosen."""
    memory: MemoryPlan | None = None
    """What its steps may take; None where that cannot be estimated, and in runs from before it."""

    answered_by: tuple[tuple[RowId, RowId], ...] = ()
    """Exam items that a later file has corrected, each with the held-out row that answers it."""
    corrected: tuple[tuple[RowId, RowId], ...] = ()
    """Those of them that a file of this run corrects: shown, and no ground for a verdict."""
    earlier_tune: tuple[RowId, ...] = ()
    """Tune rows of earlier files: what is forgotten of them aims the replay of the next run."""
    replay_weights: Mapping[str, float] = field(default_factory=dict)
    """By earlier file that was forgotten: how many times as often as others it is replayed."""

    def as_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return what `as_record` gave, also from among other keys."""
        ids = {
            key: tuple((str(job), int(row)) for job, row in record[key])
            for key in ("replay", "tune", "judge", "earlier", "samples")
        }
        return cls(
            attempt_0_at=record["attempt_0_at"],
            libraries=record["libraries"],
            examples=tuple((int(job), int(row)) for job, row in record["examples"]),
            dropped={job: tuple(rows) for job, rows in record["dropped"].items()},
            replay_share=record["replay_share"],
            steps=record["steps"],
            data_fingerprint=record["data_fingerprint"],
            row_tokens=record["row_tokens"],
            longest=record["longest"],
            rung=Fallback.from_record(record["rung"]),
            estimate=record["estimate"],
            prefixes={
                job: Prefix(**fields_of(Prefix, it)) for job, it in record["prefixes"].items()
            },
            plain_forms=dict(record.get("plain_forms", {})),
            row_layout=record.get("row_layout", "packed"),
            memory=MemoryPlan.from_record(record.get("memory")),
            answered_by=_pairs(record.get("answered_by", ())),
            corrected=_pairs(record.get("corrected", ())),
            earlier_tune=tuple((str(job), int(row)) for job, row in record.get("earlier_tune", ())),
            replay_weights=record.get("replay_weights", {}),
            **ids,
        )


def _pairs(records: Iterable[Any]) -> tuple[tuple[RowId, RowId], ...]:
    return tuple(((str(job), int(row)), (str(by), int(its))) for (job, row), (by, its) in records)


def prefix_of_run(request: Request, choices: Choices) -> Prefix | None:
    """Return the prefix of a run's own rows; only jobs that share one are gathered."""
    return choices.prefixes.get(request.jobs[0])


def rows_by_job(
    request: Request, choices: Choices, aside: Collection[RowId] = ()
) -> dict[str, int]:
    """Return how many rows of each job the run trains, those put `aside` left out."""
    counts = dict.fromkeys(request.jobs, 0)
    for job, _ in choices.examples:
        counts[request.jobs[job]] += 1
    for name, _ in aside:
        # A row of an earlier file, replayed, may be put aside too.
        if name in counts:
            counts[name] -= 1
    return counts


def rows_dropped(choices: Choices) -> dict[str, dict[str, list[int]]]:
    """Return the rows that were left out when the run was frozen, by job and by reason."""
    found: dict[str, dict[str, list[int]]] = {}
    for job, records in choices.dropped.items():
        for record in records:
            found.setdefault(job, {}).setdefault(record["code"], []).append(record["row"])
    return found
