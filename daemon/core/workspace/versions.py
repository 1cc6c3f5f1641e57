"""Versions: their facts, their chain of parents, and what training can continue from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from daemon.core.rows.prefix import Prefix
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.jobs import Outcome
from daemon.core.workspace.untrained import Untrained, together, untrained_along

VerdictKind = Literal["base", "promote", "unproven", "refuse"]


@dataclass(frozen=True)
class AdapterSpec:
    """The shape of an adapter: what must be equal for training to continue from it."""

    kind: Literal["lora", "dora"]
    rank: int
    scale: float
    dropout: float
    num_layers: int
    keys: tuple[str, ...]
    """Adapted modules by their name in a layer; empty for every linear layer."""

    def misfit(self, other: "AdapterSpec") -> str | None:
        """Name what prevents training from continuing from this adapter; dropout does not."""
        for part in ("kind", "rank", "scale", "num_layers", "keys"):
            mine, its = getattr(self, part), getattr(other, part)
            if mine != its:
                return f"{part} is {its} in the settings and {mine} in the current version"
        return None


@dataclass(frozen=True)
class Version:
    """The facts of a sealed version that decisions need."""

    version: str
    parent: str | None
    lineage: str
    """The untouched-base version its chain of parents begins with."""
    run: str | None
    job_ids: tuple[str, ...]
    step: int
    verdict: VerdictKind
    promotes: bool
    base: BaseFacts
    adapter: AdapterSpec | None
    """None for an untouched base."""
    created_at: str
    prefix: Prefix | None = None
    """The prefix before the prompts in its last run."""
    plain_form: str | None = None
    """The plain form of its last run; None for none."""
    untrained: Mapping[str, Untrained] = field(default_factory=dict)
    """By job of its run: the rows it has not learned."""
    spoiled: Mapping[str, Untrained] = field(default_factory=dict)
    """By earlier job: the rows that its run replayed and had to skip."""
    left_empty: frozenset[str] = frozenset()
    """Jobs of its run that had new rows, of which none could be trained."""
    reasons: tuple[str, ...] = ()
    """The reasons for its verdict."""

    def outcome_of(self, job: str) -> Outcome:
        """Return how a job of its run ended."""
        if job in self.job_ids:
            return "trained" if self.promotes else "not_promoted"
        return "nothing_left" if job in self.left_empty else "nothing_new"

    def plain_form_or(self, now: str | None) -> str | None:
        """Return the plain form of its prompts: `now` for an untouched base, which learned none."""
        return now if self.adapter is None else self.plain_form

    @property
    def number(self) -> int:
        """The number in the name."""
        return int(self.version[1:])


def version_name(number: int) -> str:
    """Return the name of the version with a number: `v000042`."""
    return f"v{number:06d}"


def ancestry(version: str, versions: Mapping[str, Version]) -> tuple[Version, ...]:
    """Return the version and its chain of parents; the chain ends where one was removed."""
    chain: list[Version] = []
    name: str | None = version
    while name is not None and name in versions:
        chain.append(versions[name])
        name = versions[name].parent
    return tuple(chain)


def jobs_of(chain: Iterable[Version]) -> tuple[str, ...]:
    """Return the jobs trained along a chain, the earliest first, each once."""
    return tuple(
        dict.fromkeys(job for version in reversed(tuple(chain)) for job in version.job_ids)
    )


def untrained_of(chain: Iterable[Version]) -> dict[str, Untrained]:
    """Return by job the rows that no version of a chain has learned."""
    return untrained_along((version.job_ids, version.untrained) for version in chain)


def spoiled_of(chain: Iterable[Version]) -> dict[str, Untrained]:
    """Return by job the rows that a run of a chain could not train when it replayed them."""
    return together(version.spoiled for version in chain)


def last_proven(chain: tuple[Version, ...]) -> Version | None:
    """Return the newest version of a chain that was proven better, or else its base."""
    for version in chain:
        if version.verdict == "promote":
            return version
    return chain[-1] if chain else None


def fit_problem(
    current: Version, model: str, fingerprint: str | None, adapter: AdapterSpec
) -> str | None:
    """Return why training cannot continue from the current version; None if it can."""
    way_out = "put the setting back in finetuned.toml, or start over with 'finetuned lineage new'"
    if current.base.model != model:
        return (
            f"model is {model!r} in the settings and {current.base.model!r} in the current "
            f"version {current.version}: {way_out}"
        )
    if fingerprint is not None and current.base.fingerprint != fingerprint:
        return (
            f"the base model {model!r} is no longer the one that {current.version} was trained "
            f"on: put its files back, or start over with 'finetuned lineage new'"
        )
    misfit = current.adapter.misfit(adapter) if current.adapter is not None else None
    return f"{misfit} {current.version}: {way_out}" if misfit else None
