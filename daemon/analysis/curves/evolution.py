"""Shows how the answers to probe prompts changed during a run."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from daemon.analysis.curves.charts import LineChart, Series
from daemon.core.curves.curves import Probe
from daemon.core.evaluation.differences import word_changes
from daemon.core.records import JsonObject
from daemon.core.workspace.jobs import escape, one_line

LONGEST = 1000
"""Characters shown of a prompt or an answer."""
SHORT = 60
"""Characters of a prompt in a sentence."""
FEWEST_DRAWN = 4
"""Milestones that a chart is drawn of; the list of fewer shows as much."""
SHOWN_STEPS = 40
"""Milestones listed of one probe: the first and the last."""


def similarities(probes: Sequence[Probe]) -> list[LineChart]:
    """Return one chart for each probe: similarity to the golden answer over the steps."""
    return [
        LineChart(
            f"probe-{number}",
            f"Probe {number}",
            _summary(probe),
            "similarity",
            (
                Series("similarity", known, "line", 0),
                Series("milestone", known, "markers", 0),
            ),
        )
        for number, probe in enumerate(probes, 1)
        if len(known := _known(probe)) >= FEWEST_DRAWN
    ]


def _known(probe: Probe) -> list[tuple[int, float]]:
    """Return (step, similarity); empty without a golden answer."""
    return [(a.step, a.similarity) for a in probe.answers if a.similarity is not None]


def sentences(probes: Sequence[Probe]) -> list[str]:
    """Return one sentence for each probe: its prompt, and how its answer changed."""
    return [
        f"Probe {number} ({escape(' '.join(probe.prompt.split()), SHORT)}): {_changed(probe)}"
        for number, probe in enumerate(probes, 1)
        if probe.answers
    ]


def _changed(probe: Probe) -> str:
    """Return how often an answer changed, and its similarity where there is one."""
    texts = [answer.answer for answer in probe.answers]
    changes = sum(before != after for before, after in pairwise(texts))
    changes_text = f"{len(texts)} milestone(s), the answer changed {changes} time(s)."
    return f"{changes_text} {_summary(probe)}" if _known(probe) else changes_text


def timelines(probes: Sequence[Probe]) -> list[JsonObject]:
    """Return what the page shows of each probe that was answered."""
    return [
        {
            "prompt": one_line(probe.prompt, LONGEST),
            "golden": one_line(probe.golden, LONGEST) if probe.golden else "none",
            "figure": _figure(number, probe) if len(_known(probe)) >= FEWEST_DRAWN else None,
            "milestones": list(_milestones(probe)),
        }
        for number, probe in enumerate(probes, 1)
        if probe.answers
    ]


def _summary(probe: Probe) -> str:
    (first, before), (last, after) = _known(probe)[0], _known(probe)[-1]
    return (
        f"Similarity to the golden answer: {before:.2f} at step {first:,}, "
        f"{after:.2f} at step {last:,}."
    )


def _figure(number: int, probe: Probe) -> JsonObject:
    names = ("step", "similarity")
    return {
        "id": f"probe-{number}",
        "title": f"Probe {number}",
        "summary": _summary(probe),
        "is_drawn": True,
        "names": names,
        "numbers": names,
        "rows": [(f"{step:,}", f"{similarity:.2f}") for step, similarity in _known(probe)],
    }


def _milestones(probe: Probe) -> Iterator[JsonObject]:
    """Yield each milestone with what changed of the answer; the middle of many in one number."""
    answers = probe.answers
    half = SHOWN_STEPS // 2
    hidden = range(half, len(answers) - half) if len(answers) > SHOWN_STEPS else range(0)
    before = ""
    for place, answer in enumerate(answers):
        now = one_line(answer.answer, LONGEST)
        if place not in hidden:
            yield {
                "step": f"{answer.step:,}",
                "similarity": "" if answer.similarity is None else f"{answer.similarity:.2f}",
                "unchanged": place > 0 and now == before,
                "changes": word_changes(before, now) if place else [("same", now)],
            }
        elif place == hidden[0]:
            yield {"hidden": len(hidden)}
        before = now
