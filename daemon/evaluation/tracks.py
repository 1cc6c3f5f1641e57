"""Each suite's own figures for all subjects, with gain and gap.

The gain is the newest model's lead over the one before it; the gap is how far it is still behind
answers that come from elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.core.evaluation.evaluations import Questions, Subject
from daemon.core.evaluation.reports import ComparisonReport, TrackFigures, TrackRow
from daemon.core.evaluation.right_answers import MAIN
from daemon.core.evaluation.suites import ScorerName
from daemon.core.training.evaluations import Summary
from daemon.evaluation.report_parts import rounded

OWN: dict[ScorerName, tuple[str, ...]] = {
    "exact": ("exact_match", "token_f1", "chrf"),
    "overlap": ("token_f1", "rouge_l", "exact_match"),
    "fields": ("extraction", "field_f1", "valid_json"),
    "calls": ("correct_call", "argument_f1", "right_function", "parsable_call"),
}
"""The metrics shown for each scorer, the main one first."""
ALL = ("length", "style", "repetition")


@dataclass(frozen=True)
class Roles:
    """Which subjects gain and gap are between, by place."""

    before: int | None = None
    after: int | None = None
    others: tuple[int, ...] = ()


def roles_of(subjects: Sequence[Subject]) -> Roles:
    """Return the newest model, the one that it is compared with, and those from elsewhere."""
    models = [n for n, one in enumerate(subjects) if one.generates]
    after = next((n for n in reversed(models) if subjects[n].kind != "base"), None)
    if after is None:
        return Roles()
    before = next((n for n in reversed(models) if n < after), None)
    others = tuple(n for n, one in enumerate(subjects) if not one.generates)
    return Roles(before, after, others)


def figures_of(scorer: ScorerName, summary: Summary) -> dict[str, float]:
    """Return every figure of a summary by name, `main` and the traits among them."""
    found = {name: mean.mean for name, mean in summary.metrics.items()}
    if MAIN[scorer] in found:
        found["main"] = found[MAIN[scorer]]
    found |= summary.traits
    for name in ("formatting", "calibration_error"):
        value = getattr(summary, name)
        if value is not None:
            found[name] = value
    return found | ({"characters": summary.characters} if summary.items else {})


def tracks_of(
    subjects: Sequence[Subject],
    questions: Sequence[Questions],
    summaries: Mapping[tuple[int, int], Summary],
) -> TrackFigures:
    """Return the figures of each suite and subject, with gain and gaps."""
    roles = roles_of(subjects)
    names = [one.name for one in subjects]
    rows = []
    for place, one in enumerate(questions):
        scorer = one.suite.scorer
        found = {
            who: figures_of(scorer, summaries[place, who])
            for who in range(len(names))
            if (place, who) in summaries
        }
        for figure in (*OWN[scorer], "formatting", *ALL, "calibration_error"):
            values = {who: mine[figure] for who, mine in found.items() if figure in mine}
            if values:
                rows.append(_row(one.suite.name, figure, values, names, roles))
    return {
        "before": None if roles.before is None else names[roles.before],
        "after": None if roles.after is None else names[roles.after],
        "others": [names[who] for who in roles.others],
        "rows": rows,
    }


def _row(
    suite: str, figure: str, values: Mapping[int, float], names: Sequence[str], roles: Roles
) -> TrackRow:
    def difference(one: int | None, other: int | None) -> float | None:
        mine, theirs = (None if who is None else values.get(who) for who in (one, other))
        return None if mine is None or theirs is None else mine - theirs

    return {
        "suite": suite,
        "figure": figure,
        "subjects": {names[who]: value for who, value in values.items()},
        "gain": difference(roles.after, roles.before),
        "gaps": {names[who]: difference(who, roles.after) for who in roles.others},
    }


def track_table(report: ComparisonReport) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the names and rows of the table of figures."""
    tracks = report.get("tracks")
    if not tracks:
        return (), []
    names = [one["name"] for one in report["subjects"]]
    gain = [f"gain over {tracks['before']}"] if tracks["before"] is not None else []
    others = tracks["others"] if tracks["after"] is not None else []
    rows = [
        (
            row["suite"],
            row["figure"].replace("_", " "),
            *(rounded(row["subjects"].get(name)) for name in names),
            *([_signed(row["gain"])] if gain else []),
            *(_signed(row["gaps"].get(name)) for name in others),
        )
        for row in tracks["rows"]
    ]
    return ("suite", "figure", *names, *gain, *(f"gap to {name}" for name in others)), rows


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.3f}"
