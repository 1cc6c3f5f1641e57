"""Compares a reproduced run with the original: metrics, files, surroundings, and the outcome."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Literal

from daemon.core.records import JsonObject, Record
from daemon.core.training.manifests import Provenance
from daemon.core.training.progress import MetricsLine

Ending = Literal["identical", "different", "impossible", "skipped", "failed"]

COMPUTATION = frozenset({"seconds", "waited_s", "rested_s", "flops_share", "memory"})
"""Figures of a step that describe its computation, not what was learned."""


@dataclass(frozen=True)
class ReproductionRequest(Record):
    """The content of a reproduction's `request.json`: the version, and the settings of its run."""

    order: str
    version: str
    settings: JsonObject


@dataclass(frozen=True)
class Steps:
    """The steps of both runs compared by their figures."""

    then: int
    now: int
    equal: int
    first_other: Mapping[str, object] | None
    """The first step that differs: its number, and by figure the old and the new value."""
    loss_gap: float | None
    """The largest difference between losses, in nats per token; None with nothing to compare."""


@dataclass(frozen=True)
class Change:
    """A difference in code, platform, libraries or settings."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Files:
    """Whether adapter and moments are the same, byte for byte."""

    adapter: bool
    moments: bool
    weight_gap: float | None
    """The largest difference of a weight; None if the version's own weights were removed."""


def compare_steps(then: Iterable[MetricsLine], now: Iterable[MetricsLine]) -> Steps:
    """Compare the metrics of two runs line by line; a step that one lacks counts as different."""
    olds = news = equal = 0
    first: JsonObject | None = None
    gaps: list[float] = []
    for old, new in zip_longest(then, now):
        olds += old is not None
        news += new is not None
        gaps += _loss_gap(old, new)
        figures = _differing(old, new)
        if figures is None:
            equal += 1
        elif first is None and (step := old or new):
            first = {"step": step["step"], "figures": figures}
    return Steps(olds, news, equal, first, max(gaps, default=None))


def _loss_gap(old: MetricsLine | None, new: MetricsLine | None) -> list[float]:
    if not (old and new) or old["loss"] is None or new["loss"] is None:
        return []
    return [abs(old["loss"] - new["loss"])]


def _differing(old: MetricsLine | None, new: MetricsLine | None) -> JsonObject | None:
    """Return a step's differing figures, old and new; none of a step that one run lacks.

    None if both are equal in all figures that both record: older versions recorded fewer.
    """
    if old is None or new is None:
        return {}
    was, is_now = dict(old), dict(new)
    figures: JsonObject = {
        key: [value, is_now[key]]
        for key, value in was.items()
        if key not in COMPUTATION and key in is_now and value != is_now[key]
    }
    return figures or None


def changes(
    then: Provenance, now: Provenance, lost: Mapping[str, object] | None = None
) -> tuple[Change, ...]:
    """Return what has changed since the original run: code, platform, libraries, settings.

    `lost` are settings of the original run that no longer exist.
    """
    found = [
        Change(what, _shown(old), _shown(new))
        for what, old, new in (
            ("commit", then.git_commit, now.git_commit),
            ("uncommitted changes", then.git_dirty, now.git_dirty),
            ("platform", then.platform, now.platform),
        )
        if old != new
    ]
    before, after = then.libraries, now.libraries
    return (
        *found,
        *(
            Change(name, _shown(before.get(name)), _shown(after.get(name)))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ),
        *(
            Change(f"setting {name}", _shown(value), "unknown")
            for name, value in (lost or {}).items()
        ),
    )


def _shown(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def conclude(files: Files, steps: Steps) -> Ending:
    """Return the ending of a reproduction that reached its last step."""
    same = files.adapter and files.moments and steps.equal == steps.then == steps.now
    return "identical" if same else "different"


def sentence(version: str, files: Files, steps: Steps, changed: Sequence[Change]) -> str:
    """Return the outcome of a reproduction in a sentence."""
    if conclude(files, steps) == "identical":
        return (
            f"{version} was trained again: the figures of all {steps.now} steps, the adapter and "
            "the optimizer's moments are the same, bit for bit"
        )
    if files.adapter:
        found = "the adapter is the same, bit for bit, but "
        same = steps.equal == steps.then == steps.now
        found += "the optimizer's moments differ" if same else "some steps differ"
    elif files.weight_gap is None:
        found = "the adapter differs, and there is no copy of the old one to measure by how much"
    else:
        found = f"the adapter differs, by at most {files.weight_gap:.3g} in a weight"
    where = "" if steps.first_other is None else f", from step {steps.first_other['step']} on"
    why = "; ".join(f"{one.what} {one.then} → {one.now}" for one in changed)
    since = f"changed since: {why}" if why else "code, platform and libraries are unchanged"
    return f"{version} was not reproduced exactly{where}: {found}; {since}"


def record(files: Files, steps: Steps, changed: Sequence[Change]) -> JsonObject:
    """Return plain JSON values."""
    return {
        "files": asdict(files),
        "steps": asdict(steps),
        "changes": [asdict(one) for one in changed],
    }
