"""A run's request and its frozen choices as values; knows how they are written, not where."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from daemon.core.ladder import Rung
from daemon.core.prefix import Prefix
from daemon.core.records import fields_of
from daemon.core.versions import AdapterSpec
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
        )

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
    judge: tuple[RowId, ...]
    earlier: tuple[RowId, ...]
    samples: tuple[RowId, ...]
    steps: int
    data_fingerprint: str
    row_tokens: int
    """Tokens of a packed row."""
    longest: int
    """Tokens of the longest row."""
    rung: Rung
    """How steps are computed from the beginning."""
    estimate: Mapping[str, int] | None
    """Bytes a step was expected to take, by kind."""
    prefixes: Mapping[str, Prefix]
    """By job: what stands before its rows. Jobs without a prefix are left out."""

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
            rung=Rung.from_record(record["rung"]),
            estimate=record["estimate"],
            prefixes={
                job: Prefix(**fields_of(Prefix, it)) for job, it in record["prefixes"].items()
            },
            **ids,
        )


def prefix_of_run(request: Request, choices: Choices) -> Prefix | None:
    """Return the prefix of a run's own rows; only jobs that share one are gathered."""
    return choices.prefixes.get(request.jobs[0])


def rows_by_job(request: Request, choices: Choices) -> dict[str, int]:
    """Return how many rows of each job the run trains."""
    counts = dict.fromkeys(request.jobs, 0)
    for job, _ in choices.examples:
        counts[request.jobs[job]] += 1
    return counts
