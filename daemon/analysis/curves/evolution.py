"""Shows how the answers to probe prompts changed over a run; asks no model."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from daemon.analysis.curves.charts import LineChart, Series
from daemon.analysis.frame import figure
from daemon.analysis.markup import Html, element, text
from daemon.core.curves.curves import Probe
from daemon.core.evaluation.differences import word_changes
from daemon.core.workspace.jobs import escape, one_line

LONGEST = 1000
"""Characters shown of a prompt or an answer."""
SHORT = 60
"""Characters of a prompt in a sentence."""
SHOWN_STEPS = 40
"""Milestones listed of one probe: the first and the last ones."""


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
        if (known := _known(probe))
    ]


def _known(probe: Probe) -> list[tuple[int, float]]:
    """Return (step, likeness); nothing where there is no golden answer to be like."""
    return [(a.step, a.similarity) for a in probe.answers if a.similarity is not None]


def sentences(probes: Sequence[Probe]) -> list[str]:
    """Return for each probe, in a sentence, what it asks and how its answer changed."""
    return [
        f"Probe {number} ({escape(' '.join(probe.prompt.split()), SHORT)}): {_changed(probe)}"
        for number, probe in enumerate(probes, 1)
        if probe.answers
    ]


def _changed(probe: Probe) -> str:
    """Return how often an answer changed, and the likeness where there is one."""
    said = [answer.answer for answer in probe.answers]
    changes = sum(before != after for before, after in pairwise(said))
    told = f"{len(said)} milestone(s), the answer changed {changes} time(s)."
    return f"{told} {_summary(probe)}" if _known(probe) else told


def section(probes: Sequence[Probe]) -> Html:
    """Return the timeline of all probes; nothing where there is none."""
    cards = [_card(number, probe) for number, probe in enumerate(probes, 1) if probe.answers]
    return element("section", element("h2", "How the answers changed"), *cards) if cards else ""


def _summary(probe: Probe) -> str:
    (first, before), (last, after) = _known(probe)[0], _known(probe)[-1]
    return (
        f"Likeness to the golden answer: {before:.2f} at step {first:,}, "
        f"{after:.2f} at step {last:,}."
    )


def _card(number: int, probe: Probe) -> Html:
    golden = one_line(probe.golden, LONGEST) if probe.golden else "none was given"
    return element(
        "article",
        element("p", element("b", "Asked: "), text(one_line(probe.prompt, LONGEST))),
        element("p", element("b", "Golden: "), text(golden)),
        _shown(number, probe),
        element("ol", *_timeline(probe), kind="timeline"),
        kind="probe",
    )


def _shown(number: int, probe: Probe) -> Html:
    rows = [(f"{step:,}", f"{likeness:.2f}") for step, likeness in _known(probe)]
    if not rows:
        return ""
    return figure(
        f"probe-{number}", f"Probe {number}", _summary(probe), ("step", "similarity"), rows, (0, 1)
    )


def _timeline(probe: Probe) -> Iterator[Html]:
    answers = probe.answers
    half = SHOWN_STEPS // 2
    hidden = range(half, len(answers) - half) if len(answers) > SHOWN_STEPS else range(0)
    before = ""
    for place, answer in enumerate(answers):
        now = one_line(answer.answer, LONGEST)
        if place not in hidden:
            likeness = "" if answer.similarity is None else f", {answer.similarity:.2f}"
            head = element("b", f"step {answer.step:,}{likeness}: ")
            same = element("span", "unchanged", kind="soft")
            changed = _changes(before, now) if place else text(now)
            yield element("li", head, same if place and now == before else changed)
        elif place == hidden[0]:
            yield element("li", element("span", f"{len(hidden)} more milestones", kind="soft"))
        before = now


def _changes(before: str, now: str) -> Html:
    """Return a text with the words marked that were put in or taken out."""
    kinds = {"gone": "del", "new": "ins"}
    return "".join(
        element(kinds[kind], text(words)) if kind in kinds else text(words)
        for kind, words in word_changes(before, now)
    )
