"""Whether a run that was done again came out the same, and what was otherwise; knows no files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Literal

from daemon.core.records import JsonObject, Record
from daemon.core.training.manifests import Provenance
from daemon.core.training.progress import MetricsLine

Ending = Literal["identical", "different", "impossible", "skipped", "failed"]

OF_THE_DAY = frozenset({"seconds", "waited_s", "rested_s", "flops_share", "memory"})
"""Figures of a step that tell how it was computed, not what was learned."""


@dataclass(frozen=True)
class ReproductionRequest(Record):
    """The version that is trained again, and the settings of its run."""

    order: str
    version: str
    settings: JsonObject


@dataclass(frozen=True)
class Steps:
    """The figures of every step, then and now."""

    then: int
    now: int
    equal: int
    first_other: Mapping[str, object] | None
    """The first step that is not the same: its number, and by figure what it was and is."""
    loss_gap: float | None
    """The greatest difference of a step's loss, in nats a token; None with nothing to compare."""


@dataclass(frozen=True)
class Change:
    """One thing around the training that is not as it was."""

    what: str
    then: str
    now: str


@dataclass(frozen=True)
class Files:
    """Whether the files are the same, byte for byte."""

    adapter: bool
    moments: bool
    weight_gap: float | None
    """The greatest difference of a weight; None where the version's own are gone."""


def compare_steps(then: Iterable[MetricsLine], now: Iterable[MetricsLine]) -> Steps:
    """Compare the metrics of two runs line by line; what one lacks counts as another step."""
    olds = news = equal = 0
    first: JsonObject | None = None
    gaps: list[float] = []
    for old, new in zip_longest(then, now):
        olds += old is not None
        news += new is not None
        # Older versions know fewer figures of a step.
        was: Mapping[str, object] = {} if old is None else {**old}
        now_is: Mapping[str, object] = {} if new is None else {**new}
        known = [key for key in was if key not in OF_THE_DAY and (not new or key in new)]
        others = {key: [was.get(key), now_is.get(key)] for key in known}
        others = {key: pair for key, pair in others.items() if pair[0] != pair[1]}
        if old is not None and new is not None:
            if old["loss"] is not None and new["loss"] is not None:
                gaps.append(abs(old["loss"] - new["loss"]))
            if not others:
                equal += 1
                continue
        step = was["step"] if was else now_is["step"]
        first = first or {"step": step, "figures": others if old and new else {}}
    return Steps(olds, news, equal, first, max(gaps, default=None))


def changes(
    then: Provenance, now: Provenance, lost: Mapping[str, object] | None = None
) -> tuple[Change, ...]:
    """Return what is not as it was `then`: code, platform, libraries, settings.

    `lost` are the settings of then that are not known any more.
    """
    found = [
        Change(what, _say(old), _say(new))
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
            Change(name, _say(before.get(name)), _say(after.get(name)))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        ),
        *(
            Change(f"setting {name}", _say(value), "unknown")
            for name, value in (lost or {}).items()
        ),
    )


def _say(value: object) -> str:
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
    """Say how a reproduction came out."""
    if conclude(files, steps) == "identical":
        return (
            f"{version} was trained again: the figures of all {steps.now} steps, the adapter and "
            "the optimizer's moments are the same, bit for bit"
        )
    if files.adapter:
        found = "the adapter is the same, bit for bit, but "
        found += "not its moments" if steps.equal == steps.then == steps.now else "not every step"
    elif files.weight_gap is None:
        found = "the adapter is another, and there is no copy of the old one to measure by how much"
    else:
        found = f"the adapter is another, by at most {files.weight_gap:.3g} in a weight"
    where = "" if steps.first_other is None else f", from step {steps.first_other['step']} on"
    why = "; ".join(f"{one.what} {one.then} → {one.now}" for one in changed)
    since = f"changed since: {why}" if why else "code, platform and libraries are those of then"
    return f"{version} came out otherwise{where}: {found}; {since}"


def record(files: Files, steps: Steps, changed: Sequence[Change]) -> JsonObject:
    """Return plain JSON values."""
    return {
        "files": asdict(files),
        "steps": asdict(steps),
        "changes": [asdict(one) for one in changed],
    }
